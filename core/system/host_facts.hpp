// What this host has, and how it deals with it.
#pragma once

#include <cstdint>

namespace sporehost {

// In bytes; 0 where it cannot be told.
struct HostMemory {
  uint64_t total = 0;
  uint64_t available = 0; // what programs could still get without swapping, as the system estimates it
};
[[nodiscard]] HostMemory read_host_memory(); // [any]

// Whether the system refuses to promise programs more memory than it has. [any]
[[nodiscard]] bool host_is_strict_with_memory();

} // namespace sporehost
