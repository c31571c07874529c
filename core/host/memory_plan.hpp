// A memory policy's decisions as the host keeps them: the structs of memory_policy.h with texts of their own.
#pragma once

#include <cstdint>
#include <string>

namespace sporehost {

struct MemoryPlan {
  uint64_t boot_bytes = 0;
  uint64_t region_bytes = 0;
  uint64_t requested_bytes = 0;
  uint64_t block_bytes = 0;
  uint64_t slot_bytes = 0;
  std::string reason;
};

struct MemoryAction {
  bool change = false;
  uint64_t requested_bytes = 0;
  uint64_t tick_ms = 0;
  std::string reason;
};

} // namespace sporehost
