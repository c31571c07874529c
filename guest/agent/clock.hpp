// The two clocks that the agent reads.
#pragma once

#include <time.h>

#include <cstdint>

namespace sporehost::agent {

// CLOCK_BOOTTIME in nanoseconds: what reports carry.
[[nodiscard]] inline std::uint64_t boot_ns() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

// CLOCK_MONOTONIC in milliseconds: what deadlines are made of.
[[nodiscard]] inline std::int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1000} + now.tv_nsec / 1'000'000;
}

} // namespace sporehost::agent
