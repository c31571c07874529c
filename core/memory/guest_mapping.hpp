// The one way to get memory for a guest.
//
// Reserved, not allocated: a page costs nothing until somebody touches it, so 16 GiB start on a host that has 4. Large
// pages can be used on both sides: KVM maps one only where host address and guest-physical address agree modulo its
// size, and is told in vain by any other placement; transparent huge pages are asked for, since many hosts give them
// only where they are (`madvise`). Core dumps leave guest memory out, and a child that a plugin forks has none of it.
#pragma once

#include <sporehost/result.hpp>

#include <cstdint>

#include "core/base/mapping.hpp"

namespace sporehost {

enum class GuestAccess {
  none,      // address space alone: whoever maps it into a guest makes it accessible first
  read_write // zeroed memory
};

// `bytes` of private memory for the guest-physical address `gpa`, both multiples of the host's page. [any]
// SPORE_E_NO_MEMORY where the host has no such room; `what` names it in the message ("guest RAM").
[[nodiscard]] spore::Result<Mapping> map_guest_range(uint64_t gpa, uint64_t bytes, GuestAccess access,
                                                     const char* what);

// Gives a range that was laid over guest memory, a file's pages for example, the same properties. [any]
void mark_guest_range(void* host, uint64_t bytes);

} // namespace sporehost
