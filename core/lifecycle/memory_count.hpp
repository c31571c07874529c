// Whether the guest's kernel uses all the memory that was asked for, by what it says of MemTotal. Pure.
#pragma once

#include <cstdint>
#include <optional>

namespace sporehost {

class MemoryCount {
 public:
  // PID 1's first answer: MemTotal and what was plugged at that moment, which may be part of it already.
  void hello(uint64_t total_bytes, uint64_t plugged_bytes, uint64_t now_ns) {
    first_ = last_ = total_bytes;
    plugged_at_hello_ = plugged_bytes;
    changed_ns_ = now_ns;
  }

  // A later answer.
  void total(uint64_t total_bytes, uint64_t now_ns) {
    if (total_bytes == last_) return;
    last_ = total_bytes;
    changed_ns_ = now_ns;
  }

  // All that is requested is plugged, and in use. A guest that keeps more than was asked for (a shrink that cannot be
  // had in full) lacks nothing.
  [[nodiscard]] bool complete(uint64_t plugged_bytes, uint64_t requested_bytes, uint64_t now_ns) const {
    if (!first_ || plugged_bytes < requested_bytes) return false;
    const uint64_t missing_at_hello = requested_bytes > plugged_at_hello_ ? requested_bytes - plugged_at_hello_ : 0;
    const uint64_t grown = last_ > *first_ ? last_ - *first_ : 0;
    if (grown >= missing_at_hello) return true;
    // A kernel that keeps a block's book in the block itself (memmap_on_memory) never counts that part: 64 bytes a page
    // of 4 KiB. Then it is over once nothing more comes.
    return grown >= missing_at_hello - missing_at_hello / 64 && now_ns - changed_ns_ >= kSettledNs;
  }

  static constexpr uint64_t kSettledNs = 2'000'000'000;

 private:
  std::optional<uint64_t> first_;
  uint64_t last_ = 0;
  uint64_t plugged_at_hello_ = 0;
  uint64_t changed_ns_ = 0;
};

} // namespace sporehost
