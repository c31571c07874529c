// Sizes and durations as people write them, in YAML and on the command line.
//
// Sizes (the value is in bytes; units are binary, as QEMU's are):
//   512MiB 16GiB 4KiB 1TiB     the spelling of the documentation
//   512M   16G   4K   1T       the same, short
//   1048576                    plain bytes
// A blank between number and unit is allowed. There are no fractions, signs, decimal units (MB, GB) or other letter
// cases: each of these is refused with the spelling to write instead, since a guess would be off by 5 % or by 8 times.
//
// Durations (the value is in milliseconds): 500ms, 30s, 2min, 1h. A number without a unit is refused.
//
// No function here rounds, wraps or saturates: a value that does not fit is an error. All are [any], pure.
#pragma once

#include <sporehost/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace sporehost {

inline constexpr uint64_t kKiB = uint64_t{1} << 10;
inline constexpr uint64_t kMiB = uint64_t{1} << 20;
inline constexpr uint64_t kGiB = uint64_t{1} << 30;
inline constexpr uint64_t kTiB = uint64_t{1} << 40;

// Bytes. Errors: SPORE_E_INVALID for a spelling, SPORE_E_RANGE where the value needs more than 64 bits.
[[nodiscard]] spore::Result<uint64_t> parse_size(std::string_view text);

// The exact size in the largest unit that divides it: 536870912 -> "512MiB", 1536 MiB -> "1536MiB", 1000 -> "1000".
// parse_size() reads every result back to the same number.
[[nodiscard]] std::string format_size(uint64_t bytes);

// Milliseconds. Errors as parse_size().
[[nodiscard]] spore::Result<uint64_t> parse_duration(std::string_view text);

// The exact duration in the largest unit that divides it: 30000 -> "30s". parse_duration() reads it back.
[[nodiscard]] std::string format_duration(uint64_t milliseconds);

} // namespace sporehost
