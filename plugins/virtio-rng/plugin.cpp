// The virtio entropy source (VIRTIO 1.2 section 5.4): fills the guest's buffers from the host's random pool.
#include <sporehost/events.hpp>
#include <sporehost/virtio_device.hpp>

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>

namespace {

constexpr uint64_t kRequestMax = 4096; // a longer buffer is filled this far; the driver asks again
constexpr size_t kEntropyMost = 256;   // in one call: POSIX
constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint16_t kQueueSizes[] = {64};

// Fills `bytes` from the host; false where the host has no random pool.
bool fill_random(std::span<uint8_t> bytes) {
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kEntropyMost));
    if (::getentropy(part.data(), part.size()) != 0) return false;
    bytes = bytes.subspan(part.size());
  }
  return true;
}

// How many bytes may be given by now, where a rate is set: a bucket that holds at most one second's worth.
class Allowance {
 public:
  Allowance(uint64_t bytes_per_second, uint64_t now_ns) : rate_(bytes_per_second), left_(rate_), at_ns_(now_ns) {}

  [[nodiscard]] bool limited() const { return rate_ != 0; }

  uint64_t left(uint64_t now_ns) {
    const uint64_t passed = std::min(now_ns - at_ns_, kSecond);
    const uint64_t earned = rate_ * passed / kSecond;
    if (earned == 0) return left_; // the fraction goes on growing
    left_ = std::min(rate_, left_ + earned);
    at_ns_ = now_ns;
    return left_;
  }
  void spend(uint64_t bytes) { left_ -= bytes; }
  // Time for which to wait until `bytes` are there.
  [[nodiscard]] uint64_t wait_ns(uint64_t bytes) const { return std::min(bytes, rate_) * kSecond / rate_ + 1; }

 private:
  uint64_t rate_; // 0: unlimited
  uint64_t left_;
  uint64_t at_ns_;
};

class Rng : public spore::VirtioDevice {
 public:
  static constexpr spore::FactoryInfo info{"virtio-rng",
                                           "entropy source: the guest's random pool is seeded from the host's",
                                           R"({"type": "object", "additionalProperties": false,
          "properties": {
            "bytes-per-second": {"type": "integer", "minimum": 1, "maximum": 1073741824,
                                 "description": "The most that the guest gets; absent: no limit"}}})"};

  static spore::Result<std::unique_ptr<Rng>> create(spore::Host host, std::string_view options) {
    SPORE_TRY(const spore::Virtio virtio, spore::Virtio::of(host));
    const int64_t rate = spore::Options(options).integer("/bytes-per-second").value_or(0);
    if (rate < 0 || rate > (1 << 30)) {
      return spore::fail(SPORE_E_INVALID, "bytes-per-second must be 1 to 1073741824; leave it out for no limit");
    }
    return std::make_unique<Rng>(host, virtio, static_cast<uint64_t>(rate));
  }

  Rng(spore::Host host, spore::Virtio virtio, uint64_t rate)
      : host_(host),
        virtio_(virtio),
        requests_(host.counter("requests")),
        bytes_(host.counter("bytes")),
        allowance_(rate, host.now_ns()),
        refill_(host, [this] { serve(); }) {}

  void describe(spore_virtio_traits& out) override {
    out.device_id = 4;
    out.queue_count = 1;
    out.queue_size_max = kQueueSizes;
  }
  void read_config(uint32_t /*offset*/, std::span<uint8_t> /*data*/) override {} // it has none

  void notify(uint32_t /*queue*/) override { serve(); }

  void reset() override {
    waiting_.reset();
    refill_.cancel();
  }

 private:
  void serve() {
    while (!refill_.pending() && (waiting_ || (waiting_ = virtio_.pop(0)))) {
      const uint64_t wanted = std::min(waiting_->writable_bytes, kRequestMax);
      const uint64_t allowed = allowance_.limited() ? allowance_.left(host_.now_ns()) : wanted;
      if (wanted > 0 && allowed == 0) return wait(wanted);
      const uint64_t bytes = std::min(wanted, allowed);
      if (allowance_.limited()) allowance_.spend(bytes);
      answer(*std::exchange(waiting_, std::nullopt), bytes);
    }
  }

  void wait(uint64_t wanted) {
    if (const auto started = refill_.start(allowance_.wait_ns(wanted)); !started.ok()) {
      host_.error("virtio-rng: " + started.error().text + "; the guest waits until it asks again");
    }
  }

  void answer(const spore_chain& chain, uint64_t bytes) {
    std::array<uint8_t, kRequestMax> block;
    if (!fill_random(std::span(block).first(bytes))) {
      host_.error("virtio-rng: the host's getrandom() failed; the guest gets no entropy");
      bytes = 0;
    }
    if (bytes > 0 && virtio_.write(chain, 0, block.data(), bytes) != SPORE_OK) bytes = 0; // its memory is gone
    ++requests_;
    bytes_ += bytes;
    virtio_.push(chain, static_cast<uint32_t>(bytes));
  }

  spore::Host host_;
  spore::Virtio virtio_;
  spore::Counter requests_;
  spore::Counter bytes_;
  Allowance allowance_;
  std::optional<spore_chain> waiting_; // taken, and not yet answered for want of allowance
  spore::Timer refill_;                // pending while there is no allowance
};

} // namespace

SPOREHOST_PLUGIN("virtio-rng", "1.0.0", Rng)
