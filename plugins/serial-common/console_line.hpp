// What every serial port does alike: the stream "console" on one side, a UART's FIFO and interrupt on the other.
//
// `Uart` has: size_t room() (bytes its receive FIFO still takes), void receive(uint8_t), bool interrupt() (whether its
// interrupt line is high). Everything is [device], but the constructor and `open`, which are [main].
#pragma once

#include <sporehost/events.hpp>
#include <sporehost/io_device.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace serial_common {

constexpr size_t kUnsentMax = 64 * 1024; // what a slow reader of the console can make us keep

template <typename Uart>
class ConsoleLine {
 public:
  // `host` and `interrupts` live as long as the device; `uart` belongs to the device, too. `trigger`: what its
  // interrupt is described as.
  ConsoleLine(spore::Host host, const spore_interrupts* interrupts, Uart& uart, uint32_t trigger)
      : host_(host), interrupts_(interrupts), uart_(uart), trigger_(trigger), bytes_lost_(host.counter("bytes-lost")) {}
  ConsoleLine(const ConsoleLine&) = delete;
  ConsoleLine& operator=(const ConsoleLine&) = delete;

  // Joins the stream; in the device's `create`. Without a stream the port is there all the same: what the guest writes
  // is lost, and it never reads anything.
  void open(const char* device) {
    streams_ = host_.find<spore_streams>(SPORE_STREAMS_1);
    uint32_t stream = 0;
    if (streams_ != nullptr &&
        streams_->open(streams_->context, SPORE_STRING("console"), &kEvents, this, &stream) == SPORE_OK) {
      stream_ = stream;
    } else {
      host_.warn(std::string(device) +
                 ": the host's stream 'console' is not to be had; what the guest writes here is dropped");
    }
  }

  // A driver is there.
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
      ++bytes_lost_;
    }
  }

  // After every access of the guest: the interrupt line as the access left it, and as more input into the FIFO does.
  void serve() {
    drive();
    refill();
    drive();
  }

 private:
  // Only changes: each of them is a call into the kernel.
  void drive() {
    const bool high = uart_.interrupt();
    if (high == high_) return;
    high_ = high;
    if (trigger_ == SPORE_TRIGGER_LEVEL) return interrupts_->set_level(interrupts_->context, 0, high ? 1 : 0);
    if (high) interrupts_->pulse(interrupts_->context, 0);
  }

  void flush() { unsent_.erase(0, streams_->give(streams_->context, *stream_, unsent_.data(), unsent_.size())); }

  void refill() {
    if (!stream_ || !guest_open_) return;
    std::array<uint8_t, 16> bytes;
    while (const size_t room = std::min<size_t>(uart_.room(), bytes.size())) {
      const size_t count = std::min<uint64_t>(room, streams_->take(streams_->context, *stream_, bytes.data(), room));
      for (size_t i = 0; i < count; ++i) uart_.receive(bytes[i]);
      if (count < room) return;
    }
  }

  static constexpr spore_stream_events make_events() {
    spore_stream_events events{};
    events.size = sizeof events;
    events.readable = [](void* self, uint32_t) {
      auto& line = *static_cast<ConsoleLine*>(self);
      spore::detail::call_back(line.host_, "readable", [&] { line.serve(); });
    };
    events.writable = [](void* self, uint32_t) {
      auto& line = *static_cast<ConsoleLine*>(self);
      spore::detail::call_back(line.host_, "writable", [&] { line.flush(); });
    };
    return events;
  }
  static constinit const spore_stream_events kEvents;

  spore::Host host_;
  const spore_interrupts* interrupts_;
  Uart& uart_;
  const uint32_t trigger_;
  spore::Counter bytes_lost_;
  const spore_streams* streams_ = nullptr;
  std::optional<uint32_t> stream_;
  std::string unsent_;
  bool guest_open_ = false;
  bool high_ = false; // the interrupt line, as the host knows it
};

template <typename Uart>
constinit const spore_stream_events ConsoleLine<Uart>::kEvents = ConsoleLine<Uart>::make_events();

} // namespace serial_common
