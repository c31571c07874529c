// How devices reach guest memory: by guest-physical address, checked, copied. Nobody outside core/memory holds a
// pointer into the guest, so memory can leave the guest at any moment without a device noticing more than an error.
#pragma once

#include <sporehost/abi.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace sporehost {

class MemoryAccess {
 public:
  virtual ~MemoryAccess() = default;

  // Copies out of or into guest memory, across regions. [any] All or nothing; SPORE_E_RANGE when any byte of
  // [gpa, gpa + bytes) is no memory or is not plugged, the sum's overflow included.
  [[nodiscard]] virtual spore_status read(uint64_t gpa, std::span<uint8_t> to) const = 0;
  [[nodiscard]] virtual spore_status write(uint64_t gpa, std::span<const uint8_t> from) = 0;

  // Whether [gpa, gpa + bytes) is memory now. [any] It may change right after.
  [[nodiscard]] virtual bool contains(uint64_t gpa, uint64_t bytes) const = 0;

  // One 16-bit access without tearing, for ring indices and event words. [any] `gpa` must be even, else
  // SPORE_E_INVALID. The load has acquire, the store release semantics (VIRTIO 1.2 section 2.7.13).
  [[nodiscard]] virtual spore_status load_u16(uint64_t gpa, uint16_t& out) const = 0;
  [[nodiscard]] virtual spore_status store_u16(uint64_t gpa, uint16_t value) = 0;
};

} // namespace sporehost
