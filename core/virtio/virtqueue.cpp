#include "core/virtio/virtqueue.hpp"

#include "core/virtio/barrier.hpp"
#include "core/virtio/virtio_spec.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

namespace sporehost {
namespace {

using virtio::Descriptor;
using virtio::UsedElement;

// Bounds what a driver with many long chains in flight makes the host remember: 4 MiB a queue. Queues of up to 512
// entries cannot reach it.
constexpr size_t kSegmentsHeldMax = size_t{1} << 18;

// Layout of the rings (sections 2.7.6 and 2.7.8): flags, index, the entries, and the other side's event word.
constexpr uint64_t kRingFlags = 0;
constexpr uint64_t kRingIndex = 2;
constexpr uint64_t kRingEntries = 4;

constexpr uint64_t available_event_offset(uint32_t size) {
  return kRingEntries + uint64_t{size} * sizeof(UsedElement);
}
constexpr uint64_t used_event_offset(uint32_t size) {
  return kRingEntries + uint64_t{size} * sizeof(uint16_t);
}

spore::Result<void> check_area(const MemoryAccess& memory, const char* what, uint64_t gpa, uint64_t bytes,
                               uint64_t alignment) {
  const auto where = [&] { return std::string(what) + " at GPA " + std::to_string(gpa); };
  if (gpa % alignment != 0) {
    return spore::fail(SPORE_E_INVALID, where() + " is not aligned to " + std::to_string(alignment) + " bytes");
  }
  if (gpa + bytes < gpa || !memory.contains(gpa, bytes)) {
    return spore::fail(SPORE_E_RANGE, where() + ", " + std::to_string(bytes) + " bytes, is not in guest memory");
  }
  return {};
}

} // namespace

Virtqueue::Virtqueue(MemoryAccess& memory, uint16_t index, uint16_t size_max)
    : memory_(memory), index_(index), size_max_(size_max) {}

spore::Result<void> Virtqueue::start(const QueueSetup& setup, uint64_t features) {
  if (!std::has_single_bit(setup.size) || setup.size > size_max_) {
    return spore::fail(SPORE_E_INVALID,
                       "size " + std::to_string(setup.size) + " is no power of two up to " + std::to_string(size_max_));
  }
  const bool event_idx = (features & virtio::kFeatureEventIdx) != 0;
  const uint64_t event_word = event_idx ? sizeof(uint16_t) : 0;
  SPORE_CHECK(
      check_area(memory_, "descriptor table", setup.descriptors, uint64_t{setup.size} * sizeof(Descriptor), 16));
  SPORE_CHECK(check_area(memory_, "available ring", setup.available, used_event_offset(setup.size) + event_word, 2));
  SPORE_CHECK(check_area(memory_, "used ring", setup.used, available_event_offset(setup.size) + event_word, 4));
  stop();
  setup_ = setup;
  event_idx_ = event_idx;
  indirect_ = (features & virtio::kFeatureIndirect) != 0;
  in_flight_.resize(setup.size);
  ready_ = true;
  return {};
}

void Virtqueue::stop() {
  ready_ = false;
  broken_ = nullptr;
  fault_ = nullptr;
  seen_available_ = next_available_ = used_ = signalled_ = 0;
  listening_ = true;
  in_flight_.clear();
  in_flight_.shrink_to_fit();
  segments_held_ = 0;
}

Virtqueue::Pop Virtqueue::pop(uint64_t serial, spore_chain& out) {
  if (broken_ != nullptr) return Pop::kBroken;
  if (!ready_) return Pop::kEmpty;
  if (seen_available_ == next_available_) {
    if (!refresh()) return Pop::kBroken;
    if (seen_available_ == next_available_ && !listen()) return Pop::kBroken;
    if (seen_available_ == next_available_) return Pop::kEmpty;
  }
  if (!quieten()) return Pop::kBroken;

  uint16_t head = 0;
  const uint64_t entry = next_available_ % setup_.size;
  if (memory_.load_u16(setup_.available + kRingEntries + entry * sizeof head, head) != SPORE_OK) {
    fail("the available ring is no longer in guest memory");
    return Pop::kBroken;
  }
  ++next_available_;
  // Nothing can be given back in these two cases: the one is no descriptor, the other is not the driver's to offer.
  if (head >= setup_.size) return drop("the available ring names a descriptor beyond the table");
  InFlight& slot = in_flight_[head];
  if (slot.serial != 0) return drop("a descriptor was made available that the device still has");

  ChainFault fault =
      slot.buffers.read_from(memory_, setup_.descriptors, head, {static_cast<uint16_t>(setup_.size), indirect_});
  if (fault == ChainFault::kNone && segments_held_ + slot.buffers.segments() > kSegmentsHeldMax) {
    fault = ChainFault::kTooManyHeld;
  }
  if (fault != ChainFault::kNone) {
    slot.buffers.clear();
    give_back(head, 0);
    return drop(describe(fault));
  }
  slot.serial = serial;
  segments_held_ += slot.buffers.segments();
  out.queue = index_;
  out.head = head;
  out.serial = serial;
  out.readable_bytes = slot.buffers.readable_bytes();
  out.writable_bytes = slot.buffers.writable_bytes();
  return Pop::kChain;
}

bool Virtqueue::has_work() const {
  uint16_t available = 0;
  if (!ready_ || broken_ != nullptr) return false;
  return memory_.load_u16(setup_.available + kRingIndex, available) == SPORE_OK && available != next_available_;
}

// Reads the driver's index. The acquire of load_u16 pairs with the driver's barrier before it stored the index
// (section 2.7.13.3): entries and descriptors that the index covers are there when we read them.
bool Virtqueue::refresh() {
  uint16_t available = 0;
  if (memory_.load_u16(setup_.available + kRingIndex, available) != SPORE_OK) {
    return fail("the available ring is no longer in guest memory");
  }
  if (static_cast<uint16_t>(available - next_available_) > setup_.size) {
    return fail("the available index jumped further than the ring is long");
  }
  seen_available_ = available;
  return true;
}

// Asks the driver to ring for the next entry, then looks once more: an entry that came between our last look and the
// driver's seeing the wish rings no bell.
bool Virtqueue::listen() {
  if (listening_) return true;
  const spore_status status =
      event_idx_ ? memory_.store_u16(setup_.used + available_event_offset(setup_.size), next_available_)
                 : memory_.store_u16(setup_.used + kRingFlags, 0);
  if (status != SPORE_OK) return fail("the used ring is no longer in guest memory");
  listening_ = true;
  full_barrier(); // the wish must be visible before we look: store, then load
  return refresh();
}

// While entries are being taken the driver need not ring. With event indices there is nothing to write: the event word
// still names an entry that lies behind us, so the driver stays silent until `listen` moves it.
bool Virtqueue::quieten() {
  if (!listening_) return true;
  listening_ = false;
  if (event_idx_) return true;
  if (memory_.store_u16(setup_.used + kRingFlags, virtio::kUsedNoNotify) == SPORE_OK) return true;
  return fail("the used ring is no longer in guest memory");
}

bool Virtqueue::fail(const char* why) {
  broken_ = why;
  return false;
}

const Virtqueue::InFlight* Virtqueue::owned(const spore_chain& chain) const {
  if (chain.serial == 0 || chain.head >= in_flight_.size()) return nullptr;
  const InFlight& slot = in_flight_[chain.head];
  return slot.serial == chain.serial ? &slot : nullptr;
}

spore_status Virtqueue::read(const spore_chain& chain, uint64_t offset, std::span<uint8_t> to) const {
  const InFlight* slot = owned(chain);
  return slot != nullptr ? slot->buffers.copy_out(memory_, offset, to) : SPORE_E_STATE;
}

spore_status Virtqueue::write(const spore_chain& chain, uint64_t offset, std::span<const uint8_t> from) const {
  const InFlight* slot = owned(chain);
  return slot != nullptr ? slot->buffers.copy_in(memory_, offset, from) : SPORE_E_STATE;
}

bool Virtqueue::push(const spore_chain& chain, uint32_t written) {
  if (owned(chain) == nullptr) return false;
  InFlight& slot = in_flight_[chain.head];
  written = static_cast<uint32_t>(std::min<uint64_t>(written, slot.buffers.writable_bytes()));
  slot.serial = 0;
  segments_held_ -= slot.buffers.segments();
  slot.buffers.clear();
  give_back(chain.head, written);
  return true;
}

// Writes the used element, then the index. The release of store_u16 keeps that order, and the order after whatever was
// copied into the chain's buffers (section 2.7.8.2).
void Virtqueue::give_back(uint16_t head, uint32_t written) {
  if (broken_ != nullptr) return;
  const UsedElement element{head, written};
  uint8_t raw[sizeof element];
  std::memcpy(raw, &element, sizeof raw);
  const uint64_t entry = used_ % setup_.size;
  if (memory_.write(setup_.used + kRingEntries + entry * sizeof element, raw) != SPORE_OK ||
      memory_.store_u16(setup_.used + kRingIndex, static_cast<uint16_t>(used_ + 1)) != SPORE_OK) {
    fail("the used ring is no longer in guest memory");
    return;
  }
  ++used_;
}

bool Virtqueue::take_interrupt() {
  if (!ready_ || broken_ != nullptr || used_ == signalled_) return false;
  const uint16_t before = std::exchange(signalled_, used_);
  full_barrier(); // our index must be visible before we read the driver's wish: store, then load
  uint16_t wish = 0;
  const uint64_t where = event_idx_ ? used_event_offset(setup_.size) : kRingFlags;
  if (memory_.load_u16(setup_.available + where, wish) != SPORE_OK) {
    return fail("the available ring is no longer in guest memory");
  }
  if (!event_idx_) return (wish & virtio::kAvailNoInterrupt) == 0;
  // Did our index pass the one the driver waits for? All arithmetic is modulo 2^16 (section 2.7.7.2).
  return static_cast<uint16_t>(used_ - wish - 1) < static_cast<uint16_t>(used_ - before);
}

} // namespace sporehost
