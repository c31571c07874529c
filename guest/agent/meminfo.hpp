// How much memory the guest's kernel says it has.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "guest/protocol/messages.hpp"

namespace sporehost::agent {

// MemTotal, MemFree and MemAvailable out of the text of /proc/meminfo; nothing if MemTotal is not there.
[[nodiscard]] std::optional<guest::Memory> parse_meminfo(std::string_view text);

// Reads /proc/meminfo; where that is not mounted, sysinfo(2), which knows no MemAvailable.
[[nodiscard]] guest::Memory read_memory();

// MemTotal by sysinfo(2) alone: it needs no mounted /proc, so that HELLO does not wait for one.
[[nodiscard]] std::uint64_t mem_total_kib();

} // namespace sporehost::agent
