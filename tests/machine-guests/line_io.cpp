// An I/O device that takes any place and any interrupt, a level, which its guest raises and lowers by a register.
#include <sporehost/io_device.hpp>

#include <algorithm>

namespace {

constexpr uint64_t kIdRegister = 0; // what the device is
constexpr uint64_t kLineRegister = 4;
constexpr uint32_t kId = 0x454e494c; // "LINE"

constexpr spore_io_window kRegisters = spore::io_window(SPORE_IO_MMIO, SPORE_ANY_BASE, 0x100);
constexpr spore_io_window kPorts = spore::io_window(SPORE_IO_PORT, SPORE_ANY_BASE, 4);
constexpr spore_io_irq kLine = spore::io_irq(SPORE_TRIGGER_LEVEL);
constexpr const spore_io_window* kWindows[] = {&kRegisters, &kPorts};
constexpr const spore_io_irq* kIrqs[] = {&kLine};

class LineIo final : public spore::IoDevice {
 public:
  static constexpr spore::FactoryInfo info{"line-io", "has a level line at any place; for tests",
                                           R"({"type": "object", "additionalProperties": false})"};

  static spore::Result<std::unique_ptr<LineIo>> create(spore::Host host, std::string_view /*options*/) {
    const auto* interrupts = host.find<spore_interrupts>(SPORE_INTERRUPTS_1);
    if (interrupts == nullptr) return spore::fail(SPORE_E_UNSUPPORTED, "this host has no interrupts");
    return std::unique_ptr<LineIo>(new LineIo(interrupts));
  }

  void describe(spore_io_traits& out) override {
    out.windows = kWindows;
    out.window_count = 2;
    out.irqs = kIrqs;
    out.irq_count = 1;
    out.acpi_hid = SPORE_STRING("SPRH0001");
    out.fdt_compatible = SPORE_STRING("sporehost,line");
  }

  // Both windows lead to the same registers.
  void read(uint32_t /*window*/, uint64_t offset, std::span<uint8_t> data) override {
    const uint32_t value = offset == kIdRegister ? kId : 0;
    for (size_t i = 0; i < data.size(); ++i) data[i] = i < 4 ? static_cast<uint8_t>(value >> (8 * i)) : 0;
  }

  void write(uint32_t /*window*/, uint64_t offset, std::span<const uint8_t> data) override {
    if (offset == kLineRegister) interrupts_->set_level(interrupts_->context, 0, data[0] & 1u);
  }

 private:
  explicit LineIo(const spore_interrupts* interrupts) : interrupts_(interrupts) {}

  const spore_interrupts* const interrupts_;
};

} // namespace

SPOREHOST_PLUGIN("line-io", "1.0.0", LineIo)
