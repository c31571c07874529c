// An I/O device that wants what it cannot have: a space that is none, an interrupt that another has or that does not
// exist, or the elastic region without a word of it in its schema.
#include <sporehost/io_device.hpp>

namespace {

class OddIo final : public spore::IoDevice {
 public:
  static constexpr spore::FactoryInfo info{"odd-io", "wants what it cannot have; for tests", R"({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "space": {"type": "integer", "default": 2, "description": "Of its window."},
    "irq": {"type": "integer", "default": -1, "description": "Its interrupt; -1: none."},
    "elastic": {"type": "boolean", "default": false, "description": "It asks for the elastic region."}
  }
})"};

  static spore::Result<std::unique_ptr<OddIo>> create(spore::Host host, std::string_view /*options*/) {
    if (host.option_boolean("/elastic").value_or(false) &&
        host.find<spore_elastic_memory>(SPORE_ELASTIC_MEMORY_1) == nullptr)
      return spore::fail(SPORE_E_UNSUPPORTED, "no elastic memory for odd-io");
    return std::unique_ptr<OddIo>(
        new OddIo(host.option_integer("/space").value_or(SPORE_IO_MMIO), host.option_integer("/irq").value_or(-1)));
  }

  void describe(spore_io_traits& out) override {
    out.window_count = 1;
    out.windows[0] = {static_cast<uint32_t>(space_), 0, 0xd8000000, 4096};
    out.irq_count = irq_ >= 0 ? 1 : 0;
    out.irqs[0] = static_cast<uint32_t>(irq_);
  }
  void read(uint32_t, uint64_t, std::span<uint8_t>) override {}
  void write(uint32_t, uint64_t, std::span<const uint8_t>) override {}
  void system_reset() override {}

 private:
  OddIo(int64_t space, int64_t irq) : space_(space), irq_(irq) {}

  const int64_t space_, irq_;
};

} // namespace

SPOREHOST_PLUGIN("odd-io", "1.0.0", OddIo)
