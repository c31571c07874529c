#include "console.hpp"

#include <cstring>

namespace console {
namespace {

constexpr std::string_view kTerminal = "console";
constexpr std::string_view kAgent = "sporehost.agent"; // the stream's name and the port's

// struct virtio_console_config: cols, rows (without meaning here), max_nr_ports, emerg_wr.
constexpr uint32_t kConfigBytes = 12;
constexpr uint32_t kMaxPortsAt = 4;
constexpr uint32_t kEmergencyAt = 8;

// Data of port 0, control, data of port 1.
constexpr uint16_t kQueueSizes[] = {128, 128, 64, 64, 128, 128};

} // namespace

constinit const spore_stream_events Console::kEvents = [] {
  spore_stream_events events{};
  events.size = sizeof events;
  events.readable = [](void* self, uint32_t stream) {
    auto& console = *static_cast<Console*>(self);
    spore::detail::swallow(console, "readable", [&] { console.go_on(stream, &Port::rx); });
  };
  events.writable = [](void* self, uint32_t stream) {
    auto& console = *static_cast<Console*>(self);
    spore::detail::swallow(console, "writable", [&] { console.go_on(stream, &Port::tx); });
  };
  return events;
}();

spore::Result<std::unique_ptr<Console>> Console::create(spore::Host host, std::string_view /*options*/) {
  SPORE_TRY(const spore::Virtio virtio, spore::Virtio::of(host));
  SPORE_TRY(const auto* streams, host.require<spore_streams>(SPORE_STREAMS_1));
  return std::make_unique<Console>(host, virtio, streams);
}

Console::Console(spore::Host host, spore::Virtio virtio, const spore_streams* streams)
    : host_(host),
      virtio_(virtio),
      streams_(streams),
      malformed_(host.counter("control-malformed")),
      failed_(host.counter("control-failed")),
      dropped_(host.counter("control-dropped")) {
  const auto terminal = open_stream(kTerminal);
  if (!terminal) host_.warn("virtio-console: the host's stream 'console' is not to be had; the terminal is mute");
  ports_.emplace_back(virtio_, streams_, terminal, 0, 1);
  if (const auto agent = open_stream(kAgent)) ports_.emplace_back(virtio_, streams_, agent, 4, 5);
}

std::optional<uint32_t> Console::open_stream(std::string_view name) {
  uint32_t stream = 0;
  if (streams_->open(streams_->context, spore::to_abi(name), &kEvents, this, &stream) != SPORE_OK) return std::nullopt;
  return stream;
}

Port* Console::port_of_stream(uint32_t stream) {
  for (Port& port : ports_) {
    if (port.owns(stream)) return &port;
  }
  return nullptr;
}

// A stream that can go on is to its port what a doorbell of its queue is, while there is a driver.
void Console::go_on(uint32_t stream, uint32_t (Port::*queue)() const) {
  const Port* port = port_of_stream(stream);
  if (active_ && port != nullptr) notify((port->*queue)());
}

void Console::describe(spore_virtio_traits& out) {
  out.device_id = 3;
  out.features[0] = uint64_t{1} << kMultiport | uint64_t{1} << kEmergencyWrite;
  out.config_bytes = kConfigBytes;
  out.queue_count = static_cast<uint32_t>(2 + 2 * ports_.size());
  out.queue_size_max = kQueueSizes;
}

void Console::read_config(uint32_t offset, std::span<uint8_t> data) {
  std::array<uint8_t, kConfigBytes> config{};
  config[kMaxPortsAt] = static_cast<uint8_t>(ports_.size());
  std::memcpy(data.data(), config.data() + offset, data.size());
}

// Emergency write: the low byte of emerg_wr is text for the terminal, before anything is set up and even without a
// driver.
void Console::write_config(uint32_t offset, std::span<const uint8_t> data) {
  if (offset > kEmergencyAt || data.size() <= kEmergencyAt - offset) return;
  ports_[0].put(data[kEmergencyAt - offset]);
}

spore::Result<void> Console::activate(const spore_virtio_activation& activation) {
  active_ = true;
  multiport_ = spore::Features(activation.features).has(kMultiport);
  if (!multiport_) ports_[0].set_guest_open(true); // else the driver says so
  return {};
}

void Console::notify(uint32_t queue) {
  if (queue >= kControlToDriver && !multiport_) return; // without MULTIPORT these queues do not exist
  if (queue == kControlToDriver) return send_control();
  if (queue == kControlFromDriver) return receive_control();
  for (Port& port : ports_) {
    if (port.rx() == queue) return port.deliver();
    if (port.tx() == queue) return port.send();
  }
}

void Console::reset() {
  active_ = false;
  multiport_ = false;
  messages_.clear();
  for (Port& port : ports_) port.reset();
}

void Console::receive_control() {
  while (const auto chain = virtio_.pop(kControlFromDriver)) {
    std::array<uint8_t, kControlBytes> raw; // what a longer chain has beyond that is no part of any message
    const bool whole = virtio_.read(*chain, 0, raw.data(), raw.size()) == SPORE_OK;
    virtio_.push(*chain, 0);
    if (whole) {
      handle(decode(raw));
    } else {
      ++malformed_;
    }
  }
  send_control(); // what that made for the driver
}

// The driver has buffers of a size of its own choice; one that is too small for the message is given back unused.
void Console::send_control() {
  while (!messages_.empty()) {
    const auto chain = virtio_.pop(kControlToDriver);
    if (!chain) return;
    const std::vector<uint8_t>& message = messages_.front();
    const bool written = virtio_.write(*chain, 0, message.data(), message.size()) == SPORE_OK;
    virtio_.push(*chain, written ? static_cast<uint32_t>(message.size()) : 0);
    if (written) messages_.pop_front();
  }
}

void Console::handle(const Control& message) {
  const auto event = static_cast<Event>(message.event);
  if (event == Event::DeviceReady) {
    if (message.value == 1) return announce_ports();
    ++failed_;
    return host_.warn("virtio-console: the guest's driver could not set the device up");
  }
  if (message.port >= ports_.size()) {
    ++malformed_;
    return;
  }
  switch (event) {
    case Event::PortReady:
      if (message.value == 1) return introduce(message.port);
      ++failed_;
      return host_.warn("virtio-console: the guest's driver could not set port " + std::to_string(message.port) +
                        " up");
    case Event::PortOpen:
      return ports_[message.port].set_guest_open(message.value != 0);
    default:
      ++malformed_;
  }
}

void Console::announce_ports() {
  for (uint32_t port = 0; port < ports_.size(); ++port) queue_message(encode(port, Event::PortAdd, 1));
}

// Tells the driver what the port is for, and that somebody is at the host's end: before that a write in the guest
// waits.
void Console::introduce(uint32_t port) {
  queue_message(port == 0 ? encode(0, Event::ConsolePort, 1) : encode(port, Event::PortName, 1, kAgent));
  if (ports_[port].connected()) queue_message(encode(port, Event::PortOpen, 1));
}

// A driver that asks and never takes the answers must not fill the host's memory.
void Console::queue_message(std::vector<uint8_t> message) {
  if (messages_.size() < kMessagesMax) {
    messages_.push_back(std::move(message));
  } else {
    ++dropped_;
  }
}

} // namespace console
