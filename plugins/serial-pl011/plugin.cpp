// The serial port of an arm64 board as a plugin: a PL011 at an MMIO window, joined to the stream "console".
#include "uart.hpp"

#include <sporehost/io_device.hpp>

#include <string>

namespace {

constexpr size_t kUnsentMax = 64 * 1024; // what a slow reader of the console can make us keep

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

  static spore::Result<std::unique_ptr<SerialPort>> create(spore::Host host, std::string_view /*options*/) {
    SPORE_TRY(const auto* interrupts, host.require<spore_interrupts>(SPORE_INTERRUPTS_1));
    const int64_t address = host.option_integer("/address").value_or(0x9000000);
    const int64_t irq = host.option_integer("/irq").value_or(1);
    if (address < 0 || address % static_cast<int64_t>(pl011::kWindow) != 0) {
      return spore::fail(SPORE_E_INVALID, "address must be a multiple of 4096, such as 150994944 (0x9000000)");
    }
    if (irq < 0 || irq > 987) return spore::fail(SPORE_E_INVALID, "irq must be 0 to 987, such as 1");
    auto device =
        std::make_unique<SerialPort>(host, interrupts, static_cast<uint64_t>(address), static_cast<uint32_t>(irq));
    device->open_stream();
    return device;
  }

  SerialPort(spore::Host host, const spore_interrupts* interrupts, uint64_t address, uint32_t irq)
      : host_(host), interrupts_(interrupts), address_(address), irq_(irq) {}

  void describe(spore_io_traits& out) override {
    out.window_count = 1;
    out.windows[0] = {SPORE_IO_MMIO, 0, address_, pl011::kWindow};
    out.irq_count = 1;
    out.irqs[0] = irq_;
    spore::copy_text("ARMH0011", out.hardware_id, sizeof out.hardware_id);
  }

  // Registers are 32 bits wide, a word apart; drivers read and write 8, 16 or 32 of them. The rest reads as 0.
  void read(uint32_t /*window*/, uint64_t offset, std::span<uint8_t> data) override {
    uint32_t value = uart_.read(offset & ~uint64_t{3}) >> (offset & 3) * 8;
    for (uint8_t& byte : data) {
      byte = static_cast<uint8_t>(value);
      value >>= 8;
    }
    refill();
    signal();
  }

  void write(uint32_t /*window*/, uint64_t offset, std::span<const uint8_t> data) override {
    if (offset % 4 != 0) return; // no register begins there
    uint32_t value = 0;
    for (size_t i = 0; i < std::min<size_t>(data.size(), 4); ++i) value |= uint32_t{data[i]} << 8 * i;
    if (const auto sent = uart_.write(offset, value)) send(*sent);
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
      host_.warn("serial-pl011: the host's stream 'console' is not to be had; what the guest writes here is dropped");
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
  uint64_t address_;
  uint32_t irq_;
  pl011::Uart uart_;
  std::string unsent_;
  bool guest_open_ = false;
};

} // namespace

SPOREHOST_PLUGIN("serial-pl011", "1.0.0", SerialPort)
