// A plan of plain RAM and no region: all that the fixed policy makes, and what the automatic one falls back to.
#pragma once

#include <sporehost/memory_policy.hpp>

#include <string>

namespace memory_policy {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kLeastBytes = 64 * kMiB;        // below it no Linux kernel with an initrd comes up
constexpr uint64_t kMostBytes = uint64_t{1} << 46; // 64 TiB: more is a slip of the pen

inline std::string in_mib(uint64_t bytes) {
  if (bytes % kMiB == 0) return std::to_string(bytes / kMiB) + " MiB";
  return std::to_string(bytes / 1024) + " KiB";
}

// `what` names the size in the message: "memory", "boot".
inline spore::Result<void> check_size(const std::string& what, uint64_t bytes) {
  const std::string given = what + " is " + std::to_string(bytes) + " bytes";
  if (bytes < kLeastBytes) {
    return spore::fail(SPORE_E_INVALID, given + "; a guest needs at least 64 MiB, so write 64MiB or more");
  }
  if (bytes > kMostBytes) {
    return spore::fail(SPORE_E_INVALID, given + ", more than 64 TiB; write the size with its unit, such as 16GiB");
  }
  if (bytes % kPageBytes != 0) {
    return spore::fail(SPORE_E_INVALID, given + ", no multiple of 4 KiB; write it in whole MiB, such as 512MiB");
  }
  return {};
}

// Whether this machine can have that many bytes of RAM and region together, as far as the facts say.
inline spore::Result<void> check_fits(const std::string& what, uint64_t bytes, const spore_memory_facts& facts) {
  const std::string given = what + " is " + in_mib(bytes);
  if (facts.page_bytes != 0 && bytes % facts.page_bytes != 0) {
    return spore::fail(SPORE_E_INVALID, given + ", no multiple of this machine's page, " +
                                            std::to_string(facts.page_bytes / 1024) +
                                            " KiB; write it in whole MiB, such as 512MiB");
  }
  const uint32_t bits = facts.guest_address_bits;
  if (bits != 0 && bits < 64 && bytes > uint64_t{1} << bits) {
    return spore::fail(SPORE_E_RANGE, given + ", and guest-physical addresses have " + std::to_string(bits) +
                                          " bits here, which reach " + in_mib(uint64_t{1} << bits) + "; give it less");
  }
  return {};
}

// RAM from the start, nothing to plug. `why` completes "fixed N MiB: ...".
inline spore::Result<void> plan_fixed(const std::string& what, uint64_t bytes, const std::string& why,
                                      const spore_memory_facts& facts, spore_memory_plan& out) {
  SPORE_CHECK(check_size(what, bytes));
  SPORE_CHECK(check_fits(what, bytes, facts));
  out.boot_bytes = bytes;
  out.region_bytes = 0;
  out.requested_bytes = 0;
  spore::give_reason(out, "fixed " + in_mib(bytes) + ": " + why);
  return {};
}

inline spore::Result<void> plan_explicit(uint64_t bytes, const spore_memory_facts& facts, spore_memory_plan& out) {
  return plan_fixed("memory", bytes, "the size is given explicitly", facts, out);
}

} // namespace memory_policy
