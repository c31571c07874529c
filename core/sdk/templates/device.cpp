// A complete virtio device in one file: an entropy source (device id 4) whose bytes are all the same.
//
// Copy it, rename what says "constant", build it as docs/sdk.md shows, put constant-rng.so into a plugin folder and
// write
//   devices: [{plugin: constant-rng, options: {value: 42}}]
#include <sporehost/virtio_device.hpp>

namespace {

class ConstantRng : public spore::VirtioDevice {
 public:
  static constexpr spore::FactoryInfo info{"constant-rng", "entropy source without entropy, for tests that must repeat",
                                           R"({"type": "object", "additionalProperties": false,
          "properties": {"value": {"type": "integer", "minimum": 0, "maximum": 255, "default": 0}}})"};

  static spore::Result<std::unique_ptr<ConstantRng>> create(spore::Host host, std::string_view options) {
    SPORE_TRY(const spore::Virtio virtio, spore::Virtio::of(host)); // a service that it cannot do without
    const int64_t value = spore::Options(options).integer("/value").value_or(0);
    return std::make_unique<ConstantRng>(host, virtio, static_cast<uint8_t>(value));
  }

  ConstantRng(spore::Host host, spore::Virtio virtio, uint8_t value)
      : virtio_(virtio), bytes_given_(host.counter("bytes")) {
    bytes_.fill(value);
  }

  void describe(spore_virtio_traits& out) override {
    out.device_id = 4;
    out.queue_count = std::size(kQueueSizes);
    out.queue_size_max = kQueueSizes;
  }
  void read_config(uint32_t /*offset*/, std::span<uint8_t> /*data*/) override {} // it has no configuration space

  // The guest is not trusted: what is done for one chain is bounded, whatever length it claims (SDK-13). How many
  // chains there are in one call the host bounds.
  void notify(uint32_t queue) override {
    while (const auto chain = virtio_.pop(queue)) {
      const auto bytes = static_cast<uint32_t>(std::min<uint64_t>(chain->writable_bytes, bytes_.size()));
      const bool written = virtio_.write(*chain, 0, bytes_.data(), bytes) == SPORE_OK;
      virtio_.push(*chain, written ? bytes : 0);
      bytes_given_ += written ? bytes : 0;
    }
  }

  void reset() override {} // it keeps no chain

 private:
  static constexpr uint16_t kQueueSizes[] = {64};

  spore::Virtio virtio_;
  spore::Counter bytes_given_; // in the report, with this device's
  std::array<uint8_t, 4096> bytes_;
};

} // namespace

SPOREHOST_PLUGIN("constant-rng", "1.0.0", ConstantRng)
