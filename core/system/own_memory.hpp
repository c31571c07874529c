// Reads memory of this process that may not be there.
#pragma once

#include <cstddef>

namespace sporehost {

enum class MemoryCopy {
  done,
  fault,      // not all of it can be read
  unavailable // the system does not copy for us (a seccomp filter, no descriptors)
};

// Copies `bytes` from `from` to `to`. [any], from signal handlers too
[[nodiscard]] MemoryCopy copy_own_memory(const void* from, void* to, size_t bytes);

namespace portable {
[[nodiscard]] MemoryCopy copy_own_memory(const void* from, void* to, size_t bytes); // by a pipe
} // namespace portable

} // namespace sporehost
