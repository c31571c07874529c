// The serial port of a PC as a plugin: a UART at a port range, joined to the stream "console".
#include "uart.hpp"

#include <sporehost/io_device.hpp>

#include "../serial-common/console_line.hpp"

namespace {

class SerialPort : public spore::IoDevice {
 public:
  static constexpr spore::FactoryInfo info{"serial-16550",
                                           "16550A serial port: early output and a console that every kernel knows",
                                           R"({"type": "object", "additionalProperties": false,
          "properties": {
            "port": {"type": "integer", "minimum": 0, "maximum": 65528, "multipleOf": 8, "default": 1016,
                     "description": "First of its 8 I/O ports; 1016 is 0x3f8, COM1"},
            "irq": {"type": "integer", "minimum": 1, "maximum": 15, "default": 4,
                    "description": "Its interrupt line"}}})"};

  static spore::Result<std::unique_ptr<SerialPort>> create(spore::Host host, std::string_view options) {
    SPORE_TRY(const auto* interrupts, host.require<spore_interrupts>(SPORE_INTERRUPTS_1));
    const int64_t port = spore::Options(options).integer("/port").value_or(0x3f8);
    const int64_t irq = spore::Options(options).integer("/irq").value_or(4);
    if (port < 0 || port > 0xfff8 || port % 8 != 0) {
      return spore::fail(SPORE_E_INVALID, "port must be a multiple of 8 below 65536, such as 1016 (0x3f8)");
    }
    if (irq < 1 || irq > 15) return spore::fail(SPORE_E_INVALID, "irq must be 1 to 15, such as 4");
    auto device =
        std::make_unique<SerialPort>(host, interrupts, static_cast<uint64_t>(port), static_cast<uint32_t>(irq));
    device->line_.open("serial-16550");
    return device;
  }

  SerialPort(spore::Host host, const spore_interrupts* interrupts, uint64_t port, uint32_t irq)
      : window_(spore::io_window(SPORE_IO_PORT, port, serial::kRegisters)),
        irq_(spore::io_irq(SPORE_TRIGGER_EDGE, irq)), // as on the ISA bus
        line_(host, interrupts, uart_, SPORE_TRIGGER_EDGE) {}

  void describe(spore_io_traits& out) override {
    out.windows = windows_;
    out.window_count = std::size(windows_);
    out.irqs = irqs_;
    out.irq_count = std::size(irqs_);
    out.acpi_hid = SPORE_STRING("PNP0501");
  }

  // Wider accesses are several of one byte, as the bus of a PC splits them.
  void read(uint32_t /*window*/, uint64_t offset, std::span<uint8_t> data) override {
    for (uint8_t& byte : data) {
      byte = uart_.read(offset++);
      line_.serve();
    }
  }

  void write(uint32_t /*window*/, uint64_t offset, std::span<const uint8_t> data) override {
    for (const uint8_t byte : data) {
      if (const auto sent = uart_.write(offset++, byte)) line_.send(*sent);
      line_.open_guest();
      line_.serve();
    }
  }

 private:
  const spore_io_window window_;
  const spore_io_irq irq_;
  const spore_io_window* const windows_[1]{&window_};
  const spore_io_irq* const irqs_[1]{&irq_};
  serial::Uart uart_;
  serial_common::ConsoleLine<serial::Uart> line_;
};

} // namespace

SPOREHOST_PLUGIN("serial-16550", "1.0.0", SerialPort)
