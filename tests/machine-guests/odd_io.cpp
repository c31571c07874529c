// An I/O device that wants what it cannot have: a space that is none, an interrupt that another has or that does not
// exist, or the elastic region without a word of it in its `uses`.
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

  static spore::Result<std::unique_ptr<OddIo>> create(spore::Host host, std::string_view json) {
    const spore::Options options(json);
    if (options.boolean("/elastic").value_or(false) &&
        host.find<spore_elastic_memory>(SPORE_ELASTIC_MEMORY_1) == nullptr)
      return spore::fail(SPORE_E_UNSUPPORTED, "no elastic memory for odd-io");
    return std::unique_ptr<OddIo>(
        new OddIo(options.integer("/space").value_or(SPORE_IO_MMIO), options.integer("/irq").value_or(-1)));
  }

  void describe(spore_io_traits& out) override {
    out.windows = windows_;
    out.window_count = std::size(windows_);
    out.irqs = irqs_;
    out.irq_count = wants_irq_ ? 1 : 0;
  }
  void read(uint32_t, uint64_t, std::span<uint8_t>) override {}
  void write(uint32_t, uint64_t, std::span<const uint8_t>) override {}

 private:
  OddIo(int64_t space, int64_t irq)
      : window_(spore::io_window(static_cast<uint32_t>(space), 0xd8000000, 4096)),
        irq_(spore::io_irq(SPORE_TRIGGER_EDGE, static_cast<uint32_t>(irq))),
        wants_irq_(irq >= 0) {}

  const spore_io_window window_;
  const spore_io_irq irq_;
  const spore_io_window* const windows_[1]{&window_};
  const spore_io_irq* const irqs_[1]{&irq_};
  const bool wants_irq_;
};

} // namespace

SPOREHOST_PLUGIN("odd-io", "1.0.0", OddIo)
