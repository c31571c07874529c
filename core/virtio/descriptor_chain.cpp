#include "core/virtio/descriptor_chain.hpp"

#include "core/virtio/virtio_spec.hpp"

#include <algorithm>
#include <cstring>

namespace sporehost {
namespace {

using virtio::Descriptor;

// Segments kept allocated for the next chain with the same head; more is given back, so that a guest cannot make every
// head hold its largest chain for good.
constexpr size_t kSegmentsKept = 32;

bool load(const MemoryAccess& memory, uint64_t table, uint32_t index, Descriptor& out) {
  uint8_t raw[sizeof out];
  // The table's range was checked when the queue was made ready or the indirect table found: no wrap-around here.
  if (memory.read(table + uint64_t{index} * sizeof out, raw) != SPORE_OK) return false;
  std::memcpy(&out, raw, sizeof out);
  return true;
}

// Calls `use(gpa, done, bytes)` for each piece of [offset, offset + bytes) until one fails. The range lies within the
// segments.
template <typename Use>
spore_status each_piece(std::span<const Segment> segments, uint64_t offset, size_t bytes, Use&& use) {
  size_t done = 0;
  for (const Segment& segment : segments) {
    if (done == bytes) break;
    if (offset >= segment.bytes) {
      offset -= segment.bytes;
      continue;
    }
    const size_t piece = std::min<uint64_t>(segment.bytes - offset, bytes - done);
    if (const spore_status status = use(segment.gpa + offset, done, piece); status != SPORE_OK) return status;
    done += piece;
    offset = 0;
  }
  return SPORE_OK;
}

// MemoryAccess copies a piece entirely or not at all. That the whole copy does, too, takes a look at every piece first.
spore_status all_there(const MemoryAccess& memory, std::span<const Segment> segments, uint64_t offset, size_t bytes) {
  return each_piece(segments, offset, bytes, [&](uint64_t gpa, size_t, size_t piece) -> spore_status {
    return memory.contains(gpa, piece) ? SPORE_OK : SPORE_E_RANGE;
  });
}

bool fits(uint64_t total, uint64_t offset, size_t bytes) {
  return offset <= total && bytes <= total - offset;
}

} // namespace

const char* describe(ChainFault fault) {
  switch (fault) {
    case ChainFault::kNone:
      return "no fault";
    case ChainFault::kUnreadable:
      return "a descriptor lies outside guest memory";
    case ChainFault::kIndexRange:
      return "a descriptor's next index points beyond its table";
    case ChainFault::kTooLong:
      return "the chain loops or has more descriptors than the queue";
    case ChainFault::kOrder:
      return "a device-readable descriptor follows a device-writable one";
    case ChainFault::kSegmentRange:
      return "a buffer does not lie in guest memory";
    case ChainFault::kTooManyBytes:
      return "the buffers add up to more than 4 GiB";
    case ChainFault::kIndirectRefused:
      return "an indirect descriptor, which was not negotiated";
    case ChainFault::kIndirectNested:
      return "an indirect descriptor inside an indirect table";
    case ChainFault::kIndirectWithNext:
      return "a descriptor is both indirect and chained";
    case ChainFault::kIndirectTable:
      return "an indirect table is empty, ragged, too large or not in guest memory";
    case ChainFault::kTooManyHeld:
      return "too many buffers are in flight on this queue";
  }
  return "unknown fault";
}

ChainFault ChainBuffers::read_from(const MemoryAccess& memory, uint64_t descriptors, uint16_t head, Limits limits) {
  clear();
  const ChainFault fault = walk(memory, descriptors, head, limits);
  if (fault != ChainFault::kNone) clear();
  return fault;
}

void ChainBuffers::clear() {
  segments_.clear();
  if (segments_.capacity() > kSegmentsKept) segments_.shrink_to_fit();
  readable_count_ = 0;
  seen_writable_ = false;
  readable_bytes_ = 0;
  writable_bytes_ = 0;
}

ChainFault ChainBuffers::walk(const MemoryAccess& memory, uint64_t descriptors, uint16_t head, Limits limits) {
  uint64_t table = descriptors;
  uint32_t table_size = limits.queue_size;
  uint32_t index = head;
  bool inside_indirect = false;
  // The count covers both tables, so a loop ends here, and so does a chain longer than the queue. The one descriptor
  // that may refer to an indirect table is not counted: a driver may fill that table to the queue's size.
  for (uint32_t walked = 0; walked < limits.queue_size;) {
    if (index >= table_size) return ChainFault::kIndexRange;
    Descriptor descriptor;
    if (!load(memory, table, index, descriptor)) return ChainFault::kUnreadable;

    if ((descriptor.flags & virtio::kDescIndirect) != 0) {
      if (!limits.indirect) return ChainFault::kIndirectRefused;
      if (inside_indirect) return ChainFault::kIndirectNested;
      if ((descriptor.flags & virtio::kDescNext) != 0) return ChainFault::kIndirectWithNext;
      const uint32_t entries = descriptor.length / sizeof(Descriptor);
      if (entries == 0 || entries > virtio::kQueueSizeMax || descriptor.length % sizeof(Descriptor) != 0 ||
          !memory.contains(descriptor.address, descriptor.length)) {
        return ChainFault::kIndirectTable;
      }
      // The referring descriptor is not part of the buffer; its WRITE flag is ignored (section 2.7.5.3.2).
      table = descriptor.address;
      table_size = entries;
      index = 0;
      inside_indirect = true;
      continue;
    }

    const bool writable = (descriptor.flags & virtio::kDescWrite) != 0;
    const ChainFault fault = append(memory, descriptor.address, descriptor.length, writable);
    if (fault != ChainFault::kNone) return fault;
    if ((descriptor.flags & virtio::kDescNext) == 0) return ChainFault::kNone;
    index = descriptor.next;
    ++walked;
  }
  return ChainFault::kTooLong;
}

ChainFault ChainBuffers::append(const MemoryAccess& memory, uint64_t gpa, uint32_t bytes, bool writable) {
  if (seen_writable_ && !writable) return ChainFault::kOrder;
  seen_writable_ |= writable;
  if (bytes == 0) return ChainFault::kNone;
  if (gpa + bytes < gpa || !memory.contains(gpa, bytes)) return ChainFault::kSegmentRange;
  if (readable_bytes_ + writable_bytes_ + bytes > virtio::kChainBytesMax) return ChainFault::kTooManyBytes;
  segments_.push_back({gpa, bytes});
  (writable ? writable_bytes_ : readable_bytes_) += bytes;
  if (!writable) ++readable_count_;
  return ChainFault::kNone;
}

spore_status ChainBuffers::copy_out(const MemoryAccess& memory, uint64_t offset, std::span<uint8_t> to) const {
  if (!fits(readable_bytes_, offset, to.size())) return SPORE_E_RANGE;
  if (readable_count_ > 1 && all_there(memory, readable(), offset, to.size()) != SPORE_OK) return SPORE_E_RANGE;
  return each_piece(readable(), offset, to.size(),
                    [&](uint64_t gpa, size_t done, size_t piece) { return memory.read(gpa, to.subspan(done, piece)); });
}

spore_status ChainBuffers::copy_in(MemoryAccess& memory, uint64_t offset, std::span<const uint8_t> from) const {
  if (!fits(writable_bytes_, offset, from.size())) return SPORE_E_RANGE;
  if (writable().size() > 1 && all_there(memory, writable(), offset, from.size()) != SPORE_OK) return SPORE_E_RANGE;
  return each_piece(writable(), offset, from.size(), [&](uint64_t gpa, size_t done, size_t piece) {
    return memory.write(gpa, from.subspan(done, piece));
  });
}

} // namespace sporehost
