// Why the host refuses memory: the rule that did it, which a plain "Cannot allocate memory" leaves to be guessed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sporehost {

// The rules of a Linux host that can refuse address space or the promise of memory.
struct MemoryRules {
  std::optional<uint64_t> address_space_bytes; // RLIMIT_AS; empty: no limit
  std::optional<uint64_t> data_bytes;          // RLIMIT_DATA likewise
  bool strict_overcommit = false;              // vm.overcommit_memory is 2
};
[[nodiscard]] MemoryRules read_memory_rules();

// What refused, and what to do about it: "this process may have 4GiB of address space (ulimit -v); raise that". [any]
[[nodiscard]] std::string explain_refusal(const MemoryRules& rules);

} // namespace sporehost
