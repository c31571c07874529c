// The serial port of a PC as a plugin: a UART at a port range, joined to the stream "console".
#include "uart.hpp"

#include <sporehost/io_device.hpp>

#include <string>

namespace {

constexpr size_t kUnsentMax = 64 * 1024; // what a slow reader of the console can make us keep

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

  static spore::Result<std::unique_ptr<SerialPort>> create(spore::Host host, std::string_view /*options*/) {
    SPORE_TRY(const auto* interrupts, host.require<spore_interrupts>(SPORE_INTERRUPTS_1));
    const int64_t port = host.option_integer("/port").value_or(0x3f8);
    const int64_t irq = host.option_integer("/irq").value_or(4);
    if (port < 0 || port > 0xfff8 || port % 8 != 0) {
      return spore::fail(SPORE_E_INVALID, "port must be a multiple of 8 below 65536, such as 1016 (0x3f8)");
    }
    if (irq < 1 || irq > 15) return spore::fail(SPORE_E_INVALID, "irq must be 1 to 15, such as 4");
    auto device =
        std::make_unique<SerialPort>(host, interrupts, static_cast<uint64_t>(port), static_cast<uint32_t>(irq));
    device->open_stream();
    return device;
  }

  SerialPort(spore::Host host, const spore_interrupts* interrupts, uint64_t port, uint32_t irq)
      : host_(host), interrupts_(interrupts), port_(port), irq_(irq) {}

  void describe(spore_io_traits& out) override {
    out.window_count = 1;
    out.windows[0] = {SPORE_IO_PORT, 0, port_, serial::kRegisters};
    out.irq_count = 1;
    out.irqs[0] = irq_;
    spore::copy_text("PNP0501", out.hardware_id, sizeof out.hardware_id);
  }

  // Wider accesses are several of one byte, as the bus of a PC splits them.
  void read(uint32_t /*window*/, uint64_t offset, std::span<uint8_t> data) override {
    for (uint8_t& byte : data) byte = uart_.read(offset++);
    refill();
    signal();
  }

  void write(uint32_t /*window*/, uint64_t offset, std::span<const uint8_t> data) override {
    for (const uint8_t byte : data) {
      if (const auto sent = uart_.write(offset++, byte)) send(*sent);
    }
    open_guest(); // a driver is there
    refill();
    signal();
  }

  void system_reset() override {
    uart_.reset();
    if (stream_ && guest_open_) streams_->guest_open(streams_->context, *stream_, 0);
    guest_open_ = false;
  }

 private:
  // Without a stream the port is there all the same: what the guest writes is lost, and it never reads anything.
  void open_stream() {
    streams_ = host_.find<spore_streams>(SPORE_STREAMS_1);
    uint32_t stream = 0;
    if (streams_ != nullptr && streams_->open(streams_->context, "console", &kEvents, this, &stream) == SPORE_OK) {
      stream_ = stream;
    } else {
      host_.warn("serial-16550: the host's stream 'console' is not to be had; what the guest writes here is dropped");
    }
  }

  void open_guest() {
    if (guest_open_ || !stream_) return;
    guest_open_ = true;
    streams_->guest_open(streams_->context, *stream_, 1);
  }

  // Never waits for the reader: what it does not accept is kept, and beyond a bound lost.
  void send(uint8_t byte) {
    if (!stream_) return;
    if (unsent_.empty() && streams_->give(streams_->context, *stream_, &byte, 1) == 1) return;
    if (unsent_.size() < kUnsentMax) {
      unsent_.push_back(static_cast<char>(byte));
    } else {
      ++host_.counter("bytes-lost");
    }
  }

  void flush() { unsent_.erase(0, streams_->give(streams_->context, *stream_, unsent_.data(), unsent_.size())); }

  void refill() {
    if (!stream_ || !guest_open_) return;
    std::array<uint8_t, 16> bytes;
    while (const size_t room = std::min(uart_.room(), bytes.size())) {
      const size_t count = std::min(room, streams_->take(streams_->context, *stream_, bytes.data(), room));
      for (size_t i = 0; i < count; ++i) uart_.receive(bytes[i]);
      if (count < room) return;
    }
  }

  void signal() {
    if (uart_.take_edge()) interrupts_->pulse(interrupts_->context, 0);
  }

  static constexpr spore_stream_events kEvents{
      .size = sizeof(spore_stream_events),
      .readable =
          [](void* self, uint32_t) {
            spore::detail::swallow([&] {
              static_cast<SerialPort*>(self)->refill();
              static_cast<SerialPort*>(self)->signal();
            });
          },
      .writable = [](void* self,
                     uint32_t) { spore::detail::swallow([&] { static_cast<SerialPort*>(self)->flush(); }); },
  };

  spore::Host host_;
  const spore_interrupts* interrupts_;
  const spore_streams* streams_ = nullptr;
  std::optional<uint32_t> stream_;
  uint64_t port_;
  uint32_t irq_;
  serial::Uart uart_;
  std::string unsent_;
  bool guest_open_ = false;
};

} // namespace

SPOREHOST_PLUGIN("serial-16550", "1.0.0", SerialPort)
