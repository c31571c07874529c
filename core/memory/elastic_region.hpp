// The region that virtio-mem plugs: reserved address space of which single blocks are memory.
//
// It is the one place that knows which blocks are plugged. The region is divided into slots; a slot is mapped into the
// VM when its first block is plugged and leaves it when its last block is unplugged, so that a guest cannot make the
// host pay for memory it does not have (VMEM-39). Host pages are given back on unplug and read as zero on the next plug
// (VMEM-36).
//
// Order of work (VMEM-40): validate, make the host range accessible, map the slots, record the blocks; on unplug
// record, unmap the slots that became empty, and only then discard. A failure undoes what was done.
#pragma once

#include <sporehost/result.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <vector>

#include "core/base/mapping.hpp"

namespace sporehost {

// Where a region's slots enter and leave the VM; the backend, or a fake of it in tests. [any]
class SlotMapper {
 public:
  virtual ~SlotMapper() = default;
  [[nodiscard]] virtual spore::Result<void> map_slot(uint64_t gpa, void* host, uint64_t bytes) = 0;
  [[nodiscard]] virtual spore::Result<void> unmap_slot(uint64_t gpa, uint64_t bytes) = 0;
};

struct ElasticGeometry {
  uint64_t gpa = 0;
  uint64_t bytes = 0;
  uint64_t block_bytes = 0; // a power of two, at least a host page
  uint64_t slot_bytes = 0;  // a power of two, at least block_bytes
};

enum class BlockState { unplugged, plugged, mixed };

class ElasticRegion {
 public:
  // Reserves the region's address space; touches and allocates nothing. `mapper` must outlive the region.
  static spore::Result<std::unique_ptr<ElasticRegion>> create(const ElasticGeometry& geometry, SlotMapper& mapper);
  ~ElasticRegion();

  [[nodiscard]] const ElasticGeometry& geometry() const { return geometry_; }

  // See sporehost.elastic-memory/1 in host.h for meaning and errors. Offsets and lengths in bytes. [any]
  spore::Result<void> plug(uint64_t offset, uint64_t bytes);
  spore::Result<void> unplug(uint64_t offset, uint64_t bytes);
  spore::Result<void> unplug_all();
  spore::Result<void> keep_mapped(uint64_t bytes);
  [[nodiscard]] BlockState blocks(uint64_t offset, uint64_t bytes) const;
  [[nodiscard]] uint64_t plugged_bytes() const { return plugged_bytes_.load(std::memory_order_acquire); }

  // While frozen, every change answers SPORE_E_BUSY: somebody is reading the whole memory. [any]
  void freeze(bool frozen) { frozen_.store(frozen, std::memory_order_release); }

  // Copies that may touch only plugged blocks; `offset` from the region's start. SPORE_E_RANGE otherwise. [any]
  [[nodiscard]] spore_status read(uint64_t offset, void* to, uint64_t bytes) const;
  [[nodiscard]] spore_status write(uint64_t offset, const void* from, uint64_t bytes);

  // Runs `use(host pointer)` while the range cannot be unplugged; SPORE_E_RANGE when it is not all plugged. [any]
  template <typename Use>
  [[nodiscard]] spore_status with_pointer(uint64_t offset, uint64_t bytes, Use&& use) const {
    const std::shared_lock lock(mutex_);
    if (!in_region(offset, bytes) || state_of(offset, bytes) != BlockState::plugged) return SPORE_E_RANGE;
    use(mapping_.data() + offset);
    return SPORE_OK;
  }

 private:
  ElasticRegion(const ElasticGeometry& geometry, SlotMapper& mapper, Mapping mapping);

  [[nodiscard]] bool in_region(uint64_t offset, uint64_t bytes) const {
    return bytes != 0 && offset < geometry_.bytes && bytes <= geometry_.bytes - offset;
  }
  [[nodiscard]] spore::Result<void> validate(uint64_t offset, uint64_t bytes) const;
  [[nodiscard]] BlockState state_of(uint64_t offset, uint64_t bytes) const;
  [[nodiscard]] uint64_t slot_length(size_t slot) const;
  spore::Result<void> enter_slot(size_t slot);
  spore::Result<void> leave_slot(size_t slot);
  void record(uint64_t offset, uint64_t bytes, bool plugged);
  spore::Result<void> take_out(uint64_t offset, uint64_t bytes);
  void discard(uint64_t offset, uint64_t bytes);

  const ElasticGeometry geometry_;
  SlotMapper& mapper_;
  Mapping mapping_;
  mutable std::shared_mutex mutex_;    // guards everything below; readers are devices' copies
  std::vector<bool> plugged_;          // one a block
  std::vector<uint32_t> slot_plugged_; // plugged blocks in each slot
  std::vector<bool> slot_mapped_;      // the slot is in the VM
  size_t kept_slots_ = 0;              // slots below this one stay in the VM although empty
  std::atomic<uint64_t> plugged_bytes_{0};
  std::atomic<bool> frozen_{false};
};

} // namespace sporehost
