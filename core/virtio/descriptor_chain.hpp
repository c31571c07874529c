// One descriptor chain, read out of guest memory into plain segments (VIRTIO 1.2 section 2.7.5).
//
// Everything in a descriptor is hostile. Each descriptor is copied out once and only the copy is looked at, so the
// guest cannot change one between check and use. What the chain's buffers hold may change at any time, as RAM does.
#pragma once

#include "core/memory/memory_access.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace sporehost {

struct Segment {
  uint64_t gpa;
  uint32_t bytes;
};

// Why a chain was refused.
enum class ChainFault {
  kNone,
  kUnreadable,       // a descriptor lies outside guest memory
  kIndexRange,       // `next` points beyond the table
  kTooLong,          // a loop, or more descriptors than the queue has (section 2.7.5.3.1)
  kOrder,            // device-readable after device-writable
  kSegmentRange,     // a buffer is not in guest memory, or its end wraps
  kTooManyBytes,     // more than 4 GiB together
  kIndirectRefused,  // INDIRECT without the feature
  kIndirectNested,   // INDIRECT inside an indirect table
  kIndirectWithNext, // INDIRECT and NEXT on one descriptor
  kIndirectTable,    // table empty, no multiple of 16 bytes, too large or not in guest memory
  kTooManyHeld,      // the driver has more segments in flight than the host is willing to remember
};
[[nodiscard]] const char* describe(ChainFault fault);

// The buffers of one chain: the device-readable segments first, then the device-writable ones. Owns no guest memory.
class ChainBuffers {
 public:
  struct Limits {
    uint16_t queue_size; // entries of the descriptor table, and the most descriptors in a chain
    bool indirect;       // VIRTIO_F_INDIRECT_DESC was negotiated
  };

  // Reads the chain that begins at `head` (< queue_size) of the table at `descriptors`. [device] On a fault the object
  // is empty. A descriptor of length 0 is legal: nothing in the specification forbids it. It counts as a descriptor,
  // has its place in the order, contributes no segment, and its address is not looked at.
  [[nodiscard]] ChainFault read_from(const MemoryAccess& memory, uint64_t descriptors, uint16_t head, Limits limits);
  void clear();

  [[nodiscard]] uint64_t readable_bytes() const { return readable_bytes_; }
  [[nodiscard]] uint64_t writable_bytes() const { return writable_bytes_; }
  [[nodiscard]] size_t segments() const { return segments_.size(); }

  // Copies at `offset` bytes into the readable or the writable part. [device] SPORE_E_RANGE when it does not fit or
  // when guest memory went away; nothing is copied then. (A guest that unplugs a buffer while it is being copied may
  // see part of the copy.)
  [[nodiscard]] spore_status copy_out(const MemoryAccess& memory, uint64_t offset, std::span<uint8_t> to) const;
  [[nodiscard]] spore_status copy_in(MemoryAccess& memory, uint64_t offset, std::span<const uint8_t> from) const;

 private:
  [[nodiscard]] ChainFault walk(const MemoryAccess& memory, uint64_t descriptors, uint16_t head, Limits limits);
  [[nodiscard]] ChainFault append(const MemoryAccess& memory, uint64_t gpa, uint32_t bytes, bool writable);
  [[nodiscard]] std::span<const Segment> readable() const { return std::span(segments_).first(readable_count_); }
  [[nodiscard]] std::span<const Segment> writable() const { return std::span(segments_).subspan(readable_count_); }

  std::vector<Segment> segments_;
  size_t readable_count_ = 0;
  bool seen_writable_ = false;
  uint64_t readable_bytes_ = 0;
  uint64_t writable_bytes_ = 0;
};

} // namespace sporehost
