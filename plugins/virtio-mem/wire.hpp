// What virtio-mem looks like in guest memory: sizes, numbers and byte order (VIRTIO 1.2 section 5.15). All fields are
// little-endian.
#pragma once

#include <cstddef>
#include <cstdint>

namespace virtio_mem {

constexpr uint32_t kDeviceId = 24;

// Feature bits, by number.
constexpr unsigned kAcpiPxm = 0;
constexpr unsigned kUnpluggedInaccessible = 1;
constexpr unsigned kPersistentSuspend = 2; // VIRTIO 1.4

constexpr size_t kRequestBytes = 24;
constexpr size_t kResponseBytes = 10;
constexpr size_t kConfigBytes = 56;

enum class RequestType : uint16_t { plug = 0, unplug = 1, unplug_all = 2, state = 3 };
enum class ResponseType : uint16_t { ack = 0, nack = 1, busy = 2, error = 3 };
enum class BlockState : uint16_t { plugged = 0, unplugged = 1, mixed = 2 };

template <typename Integer>
Integer load_le(const uint8_t* from) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(Integer); ++i) value |= uint64_t{from[i]} << (8 * i);
  return static_cast<Integer>(value);
}

template <typename Integer>
void store_le(uint8_t* to, Integer value) {
  for (size_t i = 0; i < sizeof(Integer); ++i) to[i] = static_cast<uint8_t>(uint64_t{value} >> (8 * i));
}

} // namespace virtio_mem
