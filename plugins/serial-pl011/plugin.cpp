// The serial port of an arm64 board as a plugin: a PL011 at an MMIO window, joined to the stream "console".
#include "uart.hpp"

#include <sporehost/io_device.hpp>

#include "../serial-common/console_line.hpp"

namespace {

class SerialPort : public spore::IoDevice {
 public:
  static constexpr spore::FactoryInfo info{"serial-pl011",
                                           "PL011 serial port: an arm64 board's early output and console",
                                           R"({"type": "object", "additionalProperties": false,
          "properties": {
            "address": {"type": "integer", "minimum": 0, "multipleOf": 4096, "default": 150994944,
                        "description": "Guest-physical address of its 4 KiB window; 150994944 is 0x9000000, where the arm64 board has it"},
            "irq": {"type": "integer", "minimum": 0, "maximum": 987, "default": 1,
                    "description": "Its interrupt, as the number of a shared peripheral interrupt"}}})"};

  static spore::Result<std::unique_ptr<SerialPort>> create(spore::Host host, std::string_view options) {
    SPORE_TRY(const auto* interrupts, host.require<spore_interrupts>(SPORE_INTERRUPTS_1));
    const int64_t address = spore::Options(options).integer("/address").value_or(0x9000000);
    const int64_t irq = spore::Options(options).integer("/irq").value_or(1);
    if (address < 0 || address % static_cast<int64_t>(pl011::kWindow) != 0) {
      return spore::fail(SPORE_E_INVALID, "address must be a multiple of 4096, such as 150994944 (0x9000000)");
    }
    if (irq < 0 || irq > 987) return spore::fail(SPORE_E_INVALID, "irq must be 0 to 987, such as 1");
    auto device =
        std::make_unique<SerialPort>(host, interrupts, static_cast<uint64_t>(address), static_cast<uint32_t>(irq));
    device->line_.open("serial-pl011");
    return device;
  }

  SerialPort(spore::Host host, const spore_interrupts* interrupts, uint64_t address, uint32_t irq)
      : window_(spore::io_window(SPORE_IO_MMIO, address, pl011::kWindow)),
        irq_(spore::io_irq(SPORE_TRIGGER_LEVEL, irq)),
        line_(host, interrupts, uart_, SPORE_TRIGGER_LEVEL) {}

  void describe(spore_io_traits& out) override {
    out.windows = windows_;
    out.window_count = std::size(windows_);
    out.irqs = irqs_;
    out.irq_count = std::size(irqs_);
    out.acpi_hid = SPORE_STRING("ARMH0011");
    out.fdt_compatible = SPORE_STRING("arm,pl011");
  }

  // Registers are 32 bits wide, a word apart; drivers read and write 8, 16 or 32 of them. The rest reads as 0.
  void read(uint32_t /*window*/, uint64_t offset, std::span<uint8_t> data) override {
    uint32_t value = uart_.read(offset & ~uint64_t{3}) >> (offset & 3) * 8;
    for (uint8_t& byte : data) {
      byte = static_cast<uint8_t>(value);
      value >>= 8;
    }
    line_.serve();
  }

  void write(uint32_t /*window*/, uint64_t offset, std::span<const uint8_t> data) override {
    if (offset % 4 != 0) return; // no register begins there
    uint32_t value = 0;
    for (size_t i = 0; i < std::min<size_t>(data.size(), 4); ++i) value |= uint32_t{data[i]} << 8 * i;
    if (const auto sent = uart_.write(offset, value)) line_.send(*sent);
    line_.open_guest();
    line_.serve();
  }

 private:
  const spore_io_window window_;
  const spore_io_irq irq_;
  const spore_io_window* const windows_[1]{&window_};
  const spore_io_irq* const irqs_[1]{&irq_};
  pl011::Uart uart_;
  serial_common::ConsoleLine<pl011::Uart> line_;
};

} // namespace

SPOREHOST_PLUGIN("serial-pl011", "1.0.0", SerialPort)
