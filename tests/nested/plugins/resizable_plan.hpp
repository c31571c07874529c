// What the test policies share: 512 MiB at boot and a region, whatever kernel and initrd the run has.
#pragma once

#include <sporehost/memory_policy.hpp>

namespace test_policy {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kBootBytes = 512 * kMiB;

inline void plan_resizable(uint64_t region_bytes, spore_memory_plan& out) {
  out.boot_bytes = kBootBytes;
  out.region_bytes = region_bytes;
  spore::give_reason(out, "a test policy: 512 MiB at boot and a region to resize");
}

inline uint64_t size_option(const spore::Options& options, const char* pointer) {
  return static_cast<uint64_t>(options.integer(pointer).value_or(0));
}

inline void request(spore_memory_action& out, uint64_t bytes, std::string_view reason) {
  out.change = 1;
  out.requested_bytes = bytes;
  spore::give_reason(out, reason);
}

} // namespace test_policy
