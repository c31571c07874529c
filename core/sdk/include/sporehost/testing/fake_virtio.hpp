// The service sporehost.virtio/1 for tests: queues of descriptor chains that the test makes, and everything that the
// device gave back. There is no ring and no guest memory below it: a chain's segments are the test's own buffers.
//
//   FakeVirtio virtio(host);
//   virtio.offer(0, {request}, {10});        // one readable segment, 10 writable bytes
//   device.notify(0);                        // see plugin_loader.hpp
//   virtio.completions(0).back().data;       // what the device wrote
#pragma once

#include <sporehost/device.h>
#include <sporehost/testing/fake_host.hpp>

#include <numeric>
#include <set>

namespace spore::testing {

using Bytes = std::vector<uint8_t>;

// A chain that the device has given back.
struct Completion {
  uint64_t serial = 0;
  uint32_t written = 0;        // as the device stated it
  Bytes data;                  // the writable part, all segments together, zero where nothing was written
  std::vector<Bytes> segments; // the same as the driver laid it out
};

class FakeVirtio {
 public:
  explicit FakeVirtio(FakeHost& host) : host_(host) {
    host_.provide(SPORE_VIRTIO_1, &table_);
    host_.device_lock().on_release([this] { raise_interrupts(); });
  }
  FakeVirtio(const FakeVirtio&) = delete;
  FakeVirtio& operator=(const FakeVirtio&) = delete;

  // ---- the driver's side ----
  // Makes a chain available: device-readable segments, then device-writable ones by capacity. Gives its serial.
  uint64_t offer(uint32_t queue, std::vector<Bytes> readable, std::vector<size_t> writable) {
    Chain chain;
    for (const Bytes& segment : readable) chain.readable.insert(chain.readable.end(), segment.begin(), segment.end());
    chain.writable.resize(std::accumulate(writable.begin(), writable.end(), size_t{0}));
    chain.layout = std::move(writable);
    chain.queue = queue;
    const uint64_t serial = ++last_serial_;
    chains_.emplace(serial, std::move(chain));
    available_[queue].push_back(serial);
    return serial;
  }
  [[nodiscard]] size_t available(uint32_t queue) const {
    const auto found = available_.find(queue);
    return found == available_.end() ? 0 : found->second.size();
  }
  [[nodiscard]] const std::vector<Completion>& completions(uint32_t queue) { return completions_[queue]; }
  // Chains that the device has taken and not given back.
  [[nodiscard]] size_t held() const {
    return static_cast<size_t>(
        std::count_if(chains_.begin(), chains_.end(), [](const auto& entry) { return entry.second.taken; }));
  }

  // The next `count` reads (writes) of chain memory fail, as when the memory below a chain has been unplugged.
  void fail_reads(unsigned count, spore_status status = SPORE_E_RANGE) { read_failure_ = {count, status}; }
  void fail_writes(unsigned count, spore_status status = SPORE_E_RANGE) { write_failure_ = {count, status}; }

  // ---- what the driver would have noticed ----
  [[nodiscard]] unsigned interrupts(uint32_t queue) { return interrupts_[queue]; }
  [[nodiscard]] unsigned config_interrupts() const { return config_interrupts_; }
  [[nodiscard]] unsigned config_changes() const { return config_changes_; } // calls, also before DRIVER_OK
  [[nodiscard]] unsigned config_touches() const { return config_touches_; }
  [[nodiscard]] uint32_t generation() const { return generation_; }   // never goes back, resets included
  [[nodiscard]] unsigned void_pushes() const { return void_pushes_; } // of chains from before a reset

  // ---- for the device's handle ----
  void set_live(bool live) { live_ = live; }
  [[nodiscard]] bool live() const { return live_; }
  // Device reset: all chains are void.
  void drop_all() {
    chains_.clear();
    available_.clear();
    live_ = false;
  }

 private:
  struct Chain {
    uint32_t queue = 0;
    Bytes readable;
    Bytes writable;
    std::vector<size_t> layout;
    bool taken = false;
  };
  struct Failure {
    unsigned count = 0;
    spore_status status = SPORE_OK;

    [[nodiscard]] bool strikes() { return count > 0 && count-- > 0; }
  };

  static FakeVirtio& of(void* context) { return *static_cast<FakeVirtio*>(context); }

  Chain* taken(const spore_chain* chain) {
    const auto found = chains_.find(chain->serial);
    return found != chains_.end() && found->second.taken ? &found->second : nullptr;
  }

  static spore_status pop_thunk(void* context, uint32_t queue, spore_chain* out) {
    FakeVirtio& v = of(context);
    v.host_.on_device("pop");
    v.host_.checks().require(v.live_, "pop was called although the device is not active");
    auto& waiting = v.available_[queue];
    if (waiting.empty()) return SPORE_E_NOT_FOUND;
    const uint64_t serial = waiting.front();
    waiting.pop_front();
    Chain& chain = v.chains_.at(serial);
    chain.taken = true;
    *out = {sizeof *out, static_cast<uint16_t>(queue), static_cast<uint16_t>(serial),
            serial,      chain.readable.size(),        chain.writable.size()};
    return SPORE_OK;
  }

  static spore_status read_thunk(void* context, const spore_chain* handle, uint64_t offset, void* to, size_t bytes) {
    FakeVirtio& v = of(context);
    v.host_.on_device("read");
    const Chain* chain = v.taken(handle);
    if (chain == nullptr) return SPORE_E_STATE;
    if (v.read_failure_.strikes()) return v.read_failure_.status;
    if (!fits(offset, bytes, chain->readable.size())) return SPORE_E_RANGE;
    std::copy_n(chain->readable.begin() + static_cast<ptrdiff_t>(offset), bytes, static_cast<uint8_t*>(to));
    return SPORE_OK;
  }

  static spore_status write_thunk(void* context, const spore_chain* handle, uint64_t offset, const void* from,
                                  size_t bytes) {
    FakeVirtio& v = of(context);
    v.host_.on_device("write");
    Chain* chain = v.taken(handle);
    if (chain == nullptr) return SPORE_E_STATE;
    if (v.write_failure_.strikes()) return v.write_failure_.status;
    if (!fits(offset, bytes, chain->writable.size())) return SPORE_E_RANGE;
    std::copy_n(static_cast<const uint8_t*>(from), bytes, chain->writable.begin() + static_cast<ptrdiff_t>(offset));
    return SPORE_OK;
  }

  static void push_thunk(void* context, const spore_chain* handle, uint32_t written) {
    FakeVirtio& v = of(context);
    v.host_.on_device("push");
    Chain* chain = v.taken(handle);
    if (chain == nullptr) {
      v.host_.checks().require(v.ever_given_back_.count(handle->serial) == 0, "a chain was pushed twice");
      ++v.void_pushes_;
      return;
    }
    v.host_.checks().require(written <= chain->writable.size(), "push states more bytes than the chain can hold");
    v.ever_given_back_.insert(handle->serial);
    v.completions_[chain->queue].push_back(complete(handle->serial, written, *chain));
    v.pending_.insert(chain->queue);
    v.chains_.erase(handle->serial);
  }

  static Completion complete(uint64_t serial, uint32_t written, const Chain& chain) {
    Completion done{serial, written, chain.writable, {}};
    auto at = chain.writable.begin();
    for (const size_t bytes : chain.layout) {
      done.segments.emplace_back(at, at + static_cast<ptrdiff_t>(bytes));
      at += static_cast<ptrdiff_t>(bytes);
    }
    return done;
  }

  static void changed_thunk(void* context) {
    FakeVirtio& v = of(context);
    v.host_.on_device("config_changed");
    ++v.generation_;
    ++v.config_changes_;
    if (v.live_) ++v.config_interrupts_;
  }
  static void touched_thunk(void* context) {
    FakeVirtio& v = of(context);
    v.host_.on_device("config_touched");
    ++v.generation_;
    ++v.config_touches_;
  }

  static bool fits(uint64_t offset, size_t bytes, size_t length) {
    return offset <= length && bytes <= length - offset;
  }

  void raise_interrupts() {
    for (const uint32_t queue : std::exchange(pending_, {})) ++interrupts_[queue];
  }

  FakeHost& host_;
  bool live_ = false;
  uint64_t last_serial_ = 0;
  std::map<uint64_t, Chain> chains_; // by serial
  std::map<uint32_t, std::deque<uint64_t>> available_;
  std::map<uint32_t, std::vector<Completion>> completions_;
  std::set<uint64_t> ever_given_back_;
  std::set<uint32_t> pending_; // queues whose interrupt is due
  std::map<uint32_t, unsigned> interrupts_;
  unsigned config_interrupts_ = 0;
  unsigned config_changes_ = 0;
  unsigned config_touches_ = 0;
  unsigned void_pushes_ = 0;
  uint32_t generation_ = 0;
  Failure read_failure_;
  Failure write_failure_;

  const spore_virtio table_{
      .size = sizeof(spore_virtio),
      .context = this,
      .pop = &pop_thunk,
      .read = &read_thunk,
      .write = &write_thunk,
      .push = &push_thunk,
      .config_changed = &changed_thunk,
      .config_touched = &touched_thunk,
      .lock = [](void* context) { of(context).host_.device_lock().lock(); },
      .unlock =
          [](void* context) {
            FakeVirtio& v = of(context);
            if (!v.host_.device_lock().held()) return v.host_.checks().broken("unlock without lock");
            v.host_.device_lock().unlock();
          },
  };
};

} // namespace spore::testing
