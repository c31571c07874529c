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
#include "core/system/guest_pages.hpp"

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

Result<std::unique_ptr<ElasticRegion>> ElasticRegion::create(const ElasticGeometry& geometry, SlotMapper& mapper,
                                                             LogSink log) {
  SPORE_CHECK(check_geometry(geometry));
  // Not accessible before a slot is in use: a stray access must not allocate.
  SPORE_TRY(Mapping mapping,
            map_guest_range(geometry.gpa, geometry.bytes, GuestAccess::none, "address space for the elastic region"));
  if (geometry.block_bytes < large_page_bytes(host_page_bytes())) keep_small_pages(mapping.data(), geometry.bytes);
  return std::unique_ptr<ElasticRegion>(new ElasticRegion(geometry, mapper, std::move(mapping), std::move(log)));
}

ElasticRegion::ElasticRegion(const ElasticGeometry& geometry, SlotMapper& mapper, Mapping mapping, LogSink log)
    : geometry_(geometry),
      mapper_(mapper),
      mapping_(std::move(mapping)),
      log_(std::move(log)),
      slots_((geometry.bytes + geometry.slot_bytes - 1) / geometry.slot_bytes),
      plugged_(geometry.bytes / geometry.block_bytes) {}

ElasticRegion::~ElasticRegion() {
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (!slots_[slot].mapped) continue;
    if (auto left = mapper_.unmap_slot(geometry_.gpa + slot * geometry_.slot_bytes, slot_length(slot)); !left)
      trouble("a slot does not leave the VM at its end: " + left.error().text);
  }
}

Result<void> ElasticRegion::validate(uint64_t offset, uint64_t bytes) const {
  if (offset % geometry_.block_bytes != 0 || bytes % geometry_.block_bytes != 0)
    return fail(SPORE_E_INVALID, range_text(offset, bytes) + " is not aligned to the block size");
  if (!in_region(offset, bytes)) return fail(SPORE_E_RANGE, range_text(offset, bytes) + " lies outside the region");
  return {};
}

Result<void> ElasticRegion::may_change() const {
  if (frozen_) return fail(SPORE_E_BUSY, "memory must not change now");
  return {};
}

void ElasticRegion::freeze(bool frozen) {
  const std::lock_guard change(change_);
  frozen_ = frozen;
}

void ElasticRegion::trouble(const std::string& text) {
  log_.write(SPORE_LOG_ERROR, [&] { return text; });
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
  if (!validate(offset, bytes)) return BlockState::mixed;
  const std::shared_lock book(book_);
  return state_of(offset, bytes);
}

// ---- the host's memory --------------------------------------------------------------------------------------------

Result<void> ElasticRegion::discard(uint64_t offset, uint64_t bytes) {
  if (drop_pages(mapping_.data() + offset, bytes)) return {};
  const std::string why = std::strerror(errno);
  faults_.discards.fetch_add(1, std::memory_order_relaxed);
  trouble("the host does not take back " + range_text(offset, bytes) + " of the elastic region: " + why);
  return fail(SPORE_E_IO, "the host does not take memory back: " + why);
}

// A slot that is out of the VM has no access rights, so that nothing here can fault it back in. Where the host cannot
// do that the memory is given back all the same; so it is told, and goes on.
void ElasticRegion::protect(size_t slot) {
  if (::mprotect(mapping_.data() + slot * geometry_.slot_bytes, slot_length(slot), PROT_NONE) == 0) return;
  const std::string why = std::strerror(errno);
  faults_.protections.fetch_add(1, std::memory_order_relaxed);
  trouble("slot " + std::to_string(slot) + " of the elastic region stays accessible to this process: " + why);
}

// ---- slots in the VM ----------------------------------------------------------------------------------------------

// A slot that is not mapped holds zeros: nobody can reach it, and it was discarded when it left. Where that failed it
// is done now, or the slot does not come.
Result<void> ElasticRegion::enter_slot(size_t slot) {
  Slot& entered = slots_[slot];
  if (entered.mapped) return {};
  const uint64_t offset = slot * geometry_.slot_bytes;
  if (entered.stale) SPORE_CHECK(discard(offset, slot_length(slot)));
  entered.stale = false;
  uint8_t* host = mapping_.data() + offset;
  if (::mprotect(host, slot_length(slot), PROT_READ | PROT_WRITE) != 0)
    return fail(SPORE_E_NO_MEMORY, std::string("the host has no memory for a slot: ") + std::strerror(errno));
  if (auto mapped = mapper_.map_slot(geometry_.gpa + offset, host, slot_length(slot)); !mapped) {
    protect(slot);
    return mapped.error();
  }
  entered.mapped = entered.was_mapped = true;
  return {};
}

// Takes an empty slot out of the VM, unless it is kept; a slot with plugged blocks stays. Its pages are still there.
Result<void> ElasticRegion::leave_slot(size_t slot) {
  Slot& leaving = slots_[slot];
  if (!leaving.mapped || leaving.plugged != 0 || slot < kept_slots_) return {};
  SPORE_CHECK(mapper_.unmap_slot(geometry_.gpa + slot * geometry_.slot_bytes, slot_length(slot)));
  leaving.mapped = false;
  leaving.stale = true;
  return {};
}

// The rest of a slot's way out: all that the guest has left in it goes, unplugged blocks included.
Result<void> ElasticRegion::forget_slot(size_t slot) {
  if (!slots_[slot].stale) return {};
  SPORE_CHECK(discard(slot * geometry_.slot_bytes, slot_length(slot)));
  slots_[slot].stale = false;
  protect(slot);
  return {};
}

// Undoes enter_slot. The guest may have used the slot in the meantime. A slot that does not leave stays mapped without
// a plugged block, until something in it is plugged and unplugged; this is told, as the guest can use it until then.
void ElasticRegion::turn_back(size_t slot) {
  if (auto left = leave_slot(slot); !left) return trouble("a slot does not leave the VM: " + left.error().text);
  (void)forget_slot(slot); // told and counted; the slot stays stale, and is not entered again before it is discarded
}

// Enters all slots of [first, end), or none.
Result<void> ElasticRegion::enter_slots(size_t first, size_t end, std::vector<size_t>& entered) {
  for (size_t slot = first; slot < end; ++slot) {
    if (slots_[slot].mapped) continue;
    if (auto done = enter_slot(slot); !done) {
      for (const size_t undo : entered) turn_back(undo);
      return done.error();
    }
    entered.push_back(slot);
  }
  return {};
}

// ---- the book of blocks -------------------------------------------------------------------------------------------

void ElasticRegion::record(uint64_t offset, uint64_t bytes, bool plugged) {
  const size_t blocks_a_slot = geometry_.slot_bytes / geometry_.block_bytes;
  const size_t end = (offset + bytes) / geometry_.block_bytes;
  const std::unique_lock book(book_);
  for (size_t block = offset / geometry_.block_bytes; block < end; ++block) {
    plugged_[block] = plugged;
    slots_[block / blocks_a_slot].plugged += plugged ? 1u : static_cast<uint32_t>(-1);
  }
  plugged_bytes_.fetch_add(plugged ? bytes : 0 - bytes, std::memory_order_acq_rel);
}

std::vector<ElasticRegion::Run> ElasticRegion::runs(uint64_t offset, uint64_t bytes, bool plugged) const {
  std::vector<Run> found;
  const auto begin = plugged_.begin();
  const auto last = begin + static_cast<ptrdiff_t>((offset + bytes) / geometry_.block_bytes);
  for (auto at = begin + static_cast<ptrdiff_t>(offset / geometry_.block_bytes); at != last;) {
    const auto end = std::find(at, last, !*at);
    if (*at == plugged)
      found.push_back({static_cast<uint64_t>(at - begin) * geometry_.block_bytes,
                       static_cast<uint64_t>(end - at) * geometry_.block_bytes});
    at = end;
  }
  return found;
}

// ---- plug ---------------------------------------------------------------------------------------------------------

Result<void> ElasticRegion::plug(uint64_t offset, uint64_t bytes) {
  SPORE_CHECK(validate(offset, bytes));
  const std::lock_guard change(change_);
  SPORE_CHECK(may_change());
  if (state_of(offset, bytes) != BlockState::unplugged)
    return fail(SPORE_E_STATE, range_text(offset, bytes) + " is already plugged in part");
  std::vector<size_t> entered;
  SPORE_CHECK(enter_slots(offset / geometry_.slot_bytes, end_slot(offset, bytes), entered));
  if (auto emptied = empty_for_plug(offset, bytes, entered); !emptied) {
    for (const size_t undo : entered) turn_back(undo);
    return emptied.error();
  }
  record(offset, bytes, true);
  return {};
}

// In a slot that was in the VM before, the guest could write to unplugged blocks at any time; what it left there goes
// now (VMEM-36). A slot that has just been mapped is empty, which is the usual case: Linux plugs whole slots.
Result<void> ElasticRegion::empty_for_plug(uint64_t offset, uint64_t bytes, const std::vector<size_t>& entered) {
  for (size_t slot = offset / geometry_.slot_bytes; slot < end_slot(offset, bytes); ++slot) {
    if (std::binary_search(entered.begin(), entered.end(), slot)) continue;
    const uint64_t start = std::max(offset, slot * geometry_.slot_bytes);
    const uint64_t end = std::min(offset + bytes, (slot + 1) * geometry_.slot_bytes);
    SPORE_CHECK(discard(start, end - start));
  }
  return {};
}

// ---- unplug -------------------------------------------------------------------------------------------------------

Result<void> ElasticRegion::take_out(uint64_t offset, uint64_t bytes) {
  const std::vector<Run> gone = runs(offset, bytes, true);
  for (const Run& run : gone) record(run.offset, run.bytes, false); // devices' copies end here
  const size_t first = offset / geometry_.slot_bytes;
  const size_t end = end_slot(offset, bytes);
  for (size_t slot = first; slot < end; ++slot)
    if (auto left = leave_slot(slot); !left) return put_back(gone, left.error());
  for (size_t slot = first; slot < end; ++slot)
    if (auto forgotten = forget(slot, gone); !forgotten) return put_back(gone, forgotten.error());
  return {};
}

// A slot that has left goes whole: the guest may have written to its other blocks too. Of one that stays, the runs go.
Result<void> ElasticRegion::forget(size_t slot, const std::vector<Run>& gone) {
  if (!slots_[slot].mapped) return forget_slot(slot);
  const uint64_t start = slot * geometry_.slot_bytes;
  for (const Run& run : gone) {
    const uint64_t from = std::max(run.offset, start);
    const uint64_t to = std::min(run.offset + run.bytes, start + geometry_.slot_bytes);
    if (from < to) SPORE_CHECK(discard(from, to - from));
  }
  return {};
}

// Blocks that could not be taken out are plugged again, with what is left in them. Where even that fails they stay
// unplugged, out of the VM.
Result<void> ElasticRegion::put_back(const std::vector<Run>& gone, spore::Error why) {
  for (const Run& run : gone) {
    for (uint64_t at = run.offset; at < run.offset + run.bytes;) {
      const size_t slot = at / geometry_.slot_bytes;
      const uint64_t stop = std::min(run.offset + run.bytes, (slot + 1) * geometry_.slot_bytes);
      slots_[slot].stale = false; // the guest's own content, and none of it is forgotten
      if (auto entered = enter_slot(slot); entered) {
        record(at, stop - at, true);
      } else {
        slots_[slot].stale = true;
        trouble(range_text(at, stop - at) + " can be neither taken out nor put back: " + entered.error().text);
      }
      at = stop;
    }
  }
  return why;
}

Result<void> ElasticRegion::unplug(uint64_t offset, uint64_t bytes) {
  SPORE_CHECK(validate(offset, bytes));
  const std::lock_guard change(change_);
  SPORE_CHECK(may_change());
  if (state_of(offset, bytes) != BlockState::plugged)
    return fail(SPORE_E_STATE, range_text(offset, bytes) + " is not all plugged");
  return take_out(offset, bytes);
}

Result<void> ElasticRegion::unplug_all() {
  const std::lock_guard change(change_);
  SPORE_CHECK(may_change());
  return take_out(0, geometry_.bytes);
}

// ---- compatibility, and what it all costs -------------------------------------------------------------------------

Result<void> ElasticRegion::keep_mapped(uint64_t bytes) {
  const std::lock_guard change(change_);
  SPORE_CHECK(may_change());
  const uint64_t wanted = std::min(bytes, geometry_.bytes);
  const size_t kept = (wanted + geometry_.slot_bytes - 1) / geometry_.slot_bytes;
  std::vector<size_t> entered;
  SPORE_CHECK(enter_slots(0, kept, entered));
  kept_slots_ = kept;
  for (size_t slot = kept; slot < slots_.size(); ++slot) {
    SPORE_CHECK(leave_slot(slot));
    SPORE_CHECK(forget_slot(slot));
  }
  return {};
}

uint64_t ElasticRegion::unplugged_resident_bytes() {
  const std::lock_guard change(change_);
  uint64_t bytes = 0;
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (!slots_[slot].was_mapped) continue;
    for (const Run& run : runs(slot * geometry_.slot_bytes, slot_length(slot), false)) bytes += resident_bytes(run);
  }
  return bytes;
}

uint64_t ElasticRegion::resident_bytes(const Run& run) {
  constexpr uint64_t kPiece = uint64_t{64} << 20; // the system tells a byte for each page
  uint64_t pages = 0;
  for (uint64_t at = run.offset; at < run.offset + run.bytes; at += kPiece) {
    const uint64_t here = std::min(kPiece, run.offset + run.bytes - at);
    const auto present = resident_pages(mapping_.data() + at, here);
    if (!present) {
      trouble(std::string("what unplugged memory costs cannot be measured: ") + std::strerror(errno));
      break;
    }
    pages += *present;
  }
  return pages * host_page_bytes();
}

spore_status ElasticRegion::read(uint64_t offset, void* to, uint64_t bytes) const {
  return with_pointer(offset, bytes, [&](const uint8_t* host) { std::memcpy(to, host, bytes); });
}

spore_status ElasticRegion::write(uint64_t offset, const void* from, uint64_t bytes) {
  return with_pointer(offset, bytes, [&](uint8_t* host) { std::memcpy(host, from, bytes); });
}

} // namespace sporehost
