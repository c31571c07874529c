// The virtio console (VIRTIO 1.2 section 5.3) with two ports:
//
//   port 0  the guest's terminal, hvc0           stream "console"
//   port 1  a channel for programs, found by the  stream "sporehost.agent"
//           name sporehost.agent
//
// Port 1 exists where the host has the stream and the driver takes VIRTIO_CONSOLE_F_MULTIPORT; without it only port 0
// works. Queues: receive and transmit of port 0, control to and from the driver, receive and transmit of port 1.
#pragma once

#include "control.hpp"
#include "port.hpp"

#include <sporehost/virtio_device.hpp>

#include <deque>
#include <string>
#include <vector>

namespace console {

// Feature bits, by number.
inline constexpr unsigned kMultiport = 1;
inline constexpr unsigned kEmergencyWrite = 2;

class Console : public spore::VirtioDevice {
 public:
  static constexpr spore::FactoryInfo info{"virtio-console", "the guest's terminal and the channel to its agent",
                                           R"({"type": "object", "additionalProperties": false, "properties": {}})"};

  static spore::Result<std::unique_ptr<Console>> create(spore::Host host, std::string_view options);

  Console(spore::Host host, spore::Virtio virtio, const spore_streams* streams);

  void describe(spore_virtio_traits& out) override;
  void read_config(uint32_t offset, std::span<uint8_t> data) override;
  void write_config(uint32_t offset, std::span<const uint8_t> data) override;
  spore::Result<void> activate(const spore_virtio_activation& activation) override;
  void notify(uint32_t queue) override;
  void reset() override;

 private:
  static constexpr uint32_t kControlToDriver = 2;
  static constexpr uint32_t kControlFromDriver = 3;
  static constexpr size_t kMessagesMax = 64; // to the driver and not yet sent

  static const spore_stream_events kEvents;

  [[nodiscard]] std::optional<uint32_t> open_stream(std::string_view name);
  Port* port_of_stream(uint32_t stream);
  void go_on(uint32_t stream, uint32_t (Port::*queue)() const);

  void receive_control();
  void send_control();
  void handle(const Control& message);
  void announce_ports();
  void introduce(uint32_t port);
  void queue_message(std::vector<uint8_t> message);

  spore::Host host_;
  spore::Virtio virtio_;
  const spore_streams* streams_;
  spore::Counter malformed_; // control messages of the driver that make no sense
  spore::Counter failed_;    // those in which it says that it could not do something
  spore::Counter dropped_;   // messages to a driver that does not take them
  std::vector<Port> ports_;
  bool active_ = false;
  bool multiport_ = false;
  std::deque<std::vector<uint8_t>> messages_;
};

} // namespace console
