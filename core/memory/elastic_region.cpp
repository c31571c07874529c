#include "core/memory/elastic_region.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <string>

#include "core/base/page.hpp"
#include "core/memory/guest_mapping.hpp"

namespace sporehost {
namespace {

using spore::fail;
using spore::Result;

std::string range_text(uint64_t offset, uint64_t bytes) {
  return std::to_string(bytes) + " bytes at offset " + std::to_string(offset);
}

Result<void> check_geometry(const ElasticGeometry& g) {
  const uint64_t page = host_page_bytes();
  if (!std::has_single_bit(g.block_bytes) || g.block_bytes < page)
    return fail(SPORE_E_INVALID, "block size " + std::to_string(g.block_bytes) +
                                     " must be a power of two of at least " + std::to_string(page) + " bytes");
  if (!std::has_single_bit(g.slot_bytes) || g.slot_bytes < g.block_bytes)
    return fail(SPORE_E_INVALID, "slot size " + std::to_string(g.slot_bytes) +
                                     " must be a power of two and at least the block size " +
                                     std::to_string(g.block_bytes));
  if (g.bytes == 0 || g.bytes % g.block_bytes != 0 || g.gpa % g.block_bytes != 0)
    return fail(SPORE_E_INVALID, "elastic region of " + range_text(g.gpa, g.bytes) +
                                     " must start at and be a multiple of the block size " +
                                     std::to_string(g.block_bytes));
  if (g.gpa + g.bytes < g.gpa) return fail(SPORE_E_INVALID, "elastic region wraps around the address space");
  return {};
}

} // namespace

Result<std::unique_ptr<ElasticRegion>> ElasticRegion::create(const ElasticGeometry& geometry, SlotMapper& mapper) {
  SPORE_CHECK(check_geometry(geometry));
  // Not accessible before a slot is in use: a stray access must not allocate.
  SPORE_TRY(Mapping mapping,
            map_guest_range(geometry.gpa, geometry.bytes, GuestAccess::none, "address space for the elastic region"));
  return std::unique_ptr<ElasticRegion>(new ElasticRegion(geometry, mapper, std::move(mapping)));
}

ElasticRegion::ElasticRegion(const ElasticGeometry& geometry, SlotMapper& mapper, Mapping mapping)
    : geometry_(geometry),
      mapper_(mapper),
      mapping_(std::move(mapping)),
      plugged_(geometry.bytes / geometry.block_bytes),
      slot_plugged_((geometry.bytes + geometry.slot_bytes - 1) / geometry.slot_bytes),
      slot_mapped_(slot_plugged_.size()) {}

ElasticRegion::~ElasticRegion() {
  for (size_t slot = 0; slot < slot_mapped_.size(); ++slot)
    if (slot_mapped_[slot]) (void)mapper_.unmap_slot(geometry_.gpa + slot * geometry_.slot_bytes, slot_length(slot));
}

Result<void> ElasticRegion::validate(uint64_t offset, uint64_t bytes) const {
  if (offset % geometry_.block_bytes != 0 || bytes % geometry_.block_bytes != 0)
    return fail(SPORE_E_INVALID, range_text(offset, bytes) + " is not aligned to the block size");
  if (!in_region(offset, bytes)) return fail(SPORE_E_RANGE, range_text(offset, bytes) + " lies outside the region");
  if (frozen_.load(std::memory_order_acquire)) return fail(SPORE_E_BUSY, "memory must not change now");
  return {};
}

uint64_t ElasticRegion::slot_length(size_t slot) const {
  return std::min(geometry_.slot_bytes, geometry_.bytes - slot * geometry_.slot_bytes);
}

BlockState ElasticRegion::state_of(uint64_t offset, uint64_t bytes) const {
  const auto first = plugged_.begin() + static_cast<ptrdiff_t>(offset / geometry_.block_bytes);
  const auto last = plugged_.begin() + static_cast<ptrdiff_t>((offset + bytes - 1) / geometry_.block_bytes) + 1;
  const auto different = std::find(first, last, !*first);
  if (different != last) return BlockState::mixed;
  return *first ? BlockState::plugged : BlockState::unplugged;
}

BlockState ElasticRegion::blocks(uint64_t offset, uint64_t bytes) const {
  if (!in_region(offset, bytes)) return BlockState::mixed;
  const std::shared_lock lock(mutex_);
  return state_of(offset, bytes);
}

Result<void> ElasticRegion::enter_slot(size_t slot) {
  if (slot_mapped_[slot]) return {};
  uint8_t* host = mapping_.data() + slot * geometry_.slot_bytes;
  if (::mprotect(host, slot_length(slot), PROT_READ | PROT_WRITE) != 0)
    return fail(SPORE_E_NO_MEMORY, std::string("the host has no memory for a slot: ") + std::strerror(errno));
  if (auto mapped = mapper_.map_slot(geometry_.gpa + slot * geometry_.slot_bytes, host, slot_length(slot)); !mapped) {
    ::mprotect(host, slot_length(slot), PROT_NONE);
    return mapped.error();
  }
  slot_mapped_[slot] = true;
  return {};
}

// Takes an empty slot out of the VM, unless it is kept; a slot with plugged blocks stays.
Result<void> ElasticRegion::leave_slot(size_t slot) {
  if (!slot_mapped_[slot] || slot_plugged_[slot] != 0 || slot < kept_slots_) return {};
  SPORE_CHECK(mapper_.unmap_slot(geometry_.gpa + slot * geometry_.slot_bytes, slot_length(slot)));
  slot_mapped_[slot] = false;
  return {};
}

void ElasticRegion::record(uint64_t offset, uint64_t bytes, bool plugged) {
  const size_t blocks_a_slot = geometry_.slot_bytes / geometry_.block_bytes;
  const size_t end = (offset + bytes) / geometry_.block_bytes;
  for (size_t block = offset / geometry_.block_bytes; block < end; ++block) {
    plugged_[block] = plugged;
    slot_plugged_[block / blocks_a_slot] += plugged ? 1u : static_cast<uint32_t>(-1);
  }
  plugged_bytes_.fetch_add(plugged ? bytes : 0 - bytes, std::memory_order_acq_rel);
}

Result<void> ElasticRegion::plug(uint64_t offset, uint64_t bytes) {
  SPORE_CHECK(validate(offset, bytes));
  const std::unique_lock lock(mutex_);
  if (state_of(offset, bytes) != BlockState::unplugged)
    return fail(SPORE_E_STATE, range_text(offset, bytes) + " is already plugged in part");
  const size_t first = offset / geometry_.slot_bytes;
  const size_t last = (offset + bytes - 1) / geometry_.slot_bytes;
  for (size_t slot = first; slot <= last; ++slot) {
    if (auto entered = enter_slot(slot); !entered) {
      for (size_t undo = first; undo < slot; ++undo) (void)leave_slot(undo);
      return entered.error();
    }
  }
  record(offset, bytes, true);
  return {};
}

// Pages of anonymous private memory: MADV_DONTNEED frees them, and the next touch reads zero. A slot that is out of the
// VM also loses its access rights, so that nothing here can fault it back in.
void ElasticRegion::discard(uint64_t offset, uint64_t bytes) {
  ::madvise(mapping_.data() + offset, bytes, MADV_DONTNEED);
  const size_t last = (offset + bytes - 1) / geometry_.slot_bytes;
  for (size_t slot = offset / geometry_.slot_bytes; slot <= last; ++slot)
    if (!slot_mapped_[slot]) ::mprotect(mapping_.data() + slot * geometry_.slot_bytes, slot_length(slot), PROT_NONE);
}

Result<void> ElasticRegion::take_out(uint64_t offset, uint64_t bytes) {
  record(offset, bytes, false);
  const size_t first = offset / geometry_.slot_bytes;
  const size_t last = (offset + bytes - 1) / geometry_.slot_bytes;
  for (size_t slot = first; slot <= last; ++slot) {
    if (auto left = leave_slot(slot); !left) {
      record(offset, bytes, true); // nothing has been discarded: put the books and the VM back as they were
      for (size_t undo = first; undo < slot; ++undo) (void)enter_slot(undo);
      return left.error();
    }
  }
  discard(offset, bytes);
  return {};
}

Result<void> ElasticRegion::unplug(uint64_t offset, uint64_t bytes) {
  SPORE_CHECK(validate(offset, bytes));
  const std::unique_lock lock(mutex_);
  if (state_of(offset, bytes) != BlockState::plugged)
    return fail(SPORE_E_STATE, range_text(offset, bytes) + " is not all plugged");
  return take_out(offset, bytes);
}

Result<void> ElasticRegion::unplug_all() {
  if (frozen_.load(std::memory_order_acquire)) return fail(SPORE_E_BUSY, "memory must not change now");
  const std::unique_lock lock(mutex_);
  for (auto run = std::find(plugged_.begin(), plugged_.end(), true); run != plugged_.end();
       run = std::find(run, plugged_.end(), true)) {
    const auto end = std::find(run, plugged_.end(), false);
    const auto offset = static_cast<uint64_t>(run - plugged_.begin()) * geometry_.block_bytes;
    SPORE_CHECK(take_out(offset, static_cast<uint64_t>(end - run) * geometry_.block_bytes));
  }
  return {};
}

Result<void> ElasticRegion::keep_mapped(uint64_t bytes) {
  const std::unique_lock lock(mutex_);
  const uint64_t wanted = std::min(bytes, geometry_.bytes);
  const size_t slots = (wanted + geometry_.slot_bytes - 1) / geometry_.slot_bytes;
  const size_t before = kept_slots_;
  for (size_t slot = 0; slot < slots; ++slot) SPORE_CHECK(enter_slot(slot));
  kept_slots_ = slots;
  for (size_t slot = slots; slot < before; ++slot) {
    SPORE_CHECK(leave_slot(slot));
    if (!slot_mapped_[slot]) discard(slot * geometry_.slot_bytes, slot_length(slot));
  }
  return {};
}

spore_status ElasticRegion::read(uint64_t offset, void* to, uint64_t bytes) const {
  return with_pointer(offset, bytes, [&](const uint8_t* host) { std::memcpy(to, host, bytes); });
}

spore_status ElasticRegion::write(uint64_t offset, const void* from, uint64_t bytes) {
  return with_pointer(offset, bytes, [&](uint8_t* host) { std::memcpy(host, from, bytes); });
}

} // namespace sporehost
