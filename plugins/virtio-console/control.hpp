// The messages of the control queues (VIRTIO 1.2 section 5.3.6.2): one layout for both directions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace console {

enum class Event : uint16_t {
  DeviceReady = 0, // driver: it is there (1) or gave up (0)
  PortAdd = 1,     // device: a port exists
  PortRemove = 2,  // device
  PortReady = 3,   // driver: the port can be used (1) or could not be set up (0)
  ConsolePort = 4, // device: the port is a console
  Resize = 5,      // device
  PortOpen = 6,    // both: somebody is (1) or is no longer (0) at the sender's end
  PortName = 7     // device: the name follows
};

// A message as it is read; ids and events are the driver's, and any number may be in them.
struct Control {
  uint32_t port = 0;
  uint16_t event = 0;
  uint16_t value = 0;
};

inline constexpr size_t kControlBytes = 8;

inline Control decode(const std::array<uint8_t, kControlBytes>& raw) {
  const auto u16 = [&](size_t at) { return static_cast<uint16_t>(raw[at] | raw[at + 1] << 8); };
  return {static_cast<uint32_t>(u16(0)) | static_cast<uint32_t>(u16(2)) << 16, u16(4), u16(6)};
}

// The bytes to send; `name` follows the message, without a NUL.
inline std::vector<uint8_t> encode(uint32_t port, Event event, uint16_t value, std::string_view name = {}) {
  std::vector<uint8_t> raw;
  for (int shift = 0; shift < 32; shift += 8) raw.push_back(static_cast<uint8_t>(port >> shift));
  for (const uint16_t word : {static_cast<uint16_t>(event), value}) {
    raw.push_back(static_cast<uint8_t>(word));
    raw.push_back(static_cast<uint8_t>(word >> 8));
  }
  raw.insert(raw.end(), name.begin(), name.end());
  return raw;
}

} // namespace console
