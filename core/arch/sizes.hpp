// What every board asks of the sizes it is given, and the words for sizes that do not fit.
#pragma once

#include <sporehost/result.hpp>

#include <cstdint>
#include <string>

#include "core/base/size.hpp"

namespace sporehost::arch {

constexpr uint64_t kPage = 4 * kKiB;
constexpr uint64_t kElasticGranule = 2 * kMiB; // the smallest block that a virtio-mem device offers
constexpr unsigned kMinAddressBits = 32;
constexpr unsigned kMaxAddressBits = 52; // of both architectures

struct BoardSizes {
  uint64_t boot_bytes = 0;
  uint64_t region_bytes = 0;  // 0: none
  unsigned address_bits = 52; // width of a guest-physical address
};

[[nodiscard]] constexpr uint64_t align_up(uint64_t value, uint64_t to) {
  return (value + to - 1) / to * to;
}

// "N MiB of WHAT do not fit ...", SPORE_E_RANGE. [any]
[[nodiscard]] inline spore::Error too_wide(uint64_t bytes, const char* what, unsigned address_bits) {
  return spore::fail(SPORE_E_RANGE, std::to_string(bytes / kMiB) + " MiB of " + what + " do not fit into the " +
                                        std::to_string(address_bits) +
                                        "-bit guest-physical addresses of this machine; use less");
}

// Alignment, and the least RAM that the board needs for `tables`. [any] SPORE_E_INVALID.
[[nodiscard]] inline spore::Result<void> check_sizes(const BoardSizes& sizes, uint64_t least, const char* tables) {
  const auto invalid = [](std::string text) { return spore::fail(SPORE_E_INVALID, std::move(text)); };
  if (sizes.address_bits < kMinAddressBits || sizes.address_bits > kMaxAddressBits)
    return invalid("guest-physical addresses of " + std::to_string(sizes.address_bits) +
                   " bits do not exist; 32 to 52 do");
  const std::string boot = "boot memory of " + std::to_string(sizes.boot_bytes) + " bytes is ";
  if (sizes.boot_bytes < least)
    return invalid(boot + "too small; the board needs " + std::to_string(least / kMiB) + " MiB for its " + tables +
                   ", a Linux kernel far more");
  if (sizes.boot_bytes % kPage != 0) return invalid(boot + "not a multiple of 4 KiB");
  if (sizes.region_bytes % kElasticGranule != 0)
    return invalid("elastic region of " + std::to_string(sizes.region_bytes) + " bytes is not a multiple of 2 MiB");
  return {};
}

} // namespace sporehost::arch
