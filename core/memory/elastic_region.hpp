// The region that virtio-mem plugs: reserved address space of which single blocks are memory.
//
// It is the one place that knows which blocks are plugged. The region is divided into slots; a slot is mapped into the
// VM when its first block is plugged and leaves it when its last is unplugged, so a guest cannot touch a slot in which
// it has nothing (VMEM-39). Host pages are given back on unplug and read as zero after the next plug (VMEM-36): what a
// guest wrote in between to an unplugged block of a mapped slot is discarded by the plug.
//
// What a guest that means harm can hold beyond what is plugged: in a slot with a plugged block it can touch the other
// blocks too, and each page that it touches costs the host one. That is at most a slot less a block for each such slot,
// and nothing outside of the usable region that the device has offered; a region whose slot is one block has no such
// part. unplugged_resident_bytes() measures it.
//
// Order of work (VMEM-40): validate, make the host range accessible, map the slots, record the blocks; on unplug
// record, unmap the slots that became empty, and only then discard. A failure undoes what was done.
#pragma once

#include <sporehost/result.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "core/base/mapping.hpp"
#include "core/base/rate_limited_log.hpp"

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
  // Reserves the region's address space; touches and allocates nothing. `mapper` must outlive the region. `log` gets a
  // line, of so many in a time, for everything that the host refuses.
  static spore::Result<std::unique_ptr<ElasticRegion>> create(const ElasticGeometry& geometry, SlotMapper& mapper,
                                                              LogSink log = {});
  ~ElasticRegion();

  [[nodiscard]] const ElasticGeometry& geometry() const { return geometry_; }

  // See sporehost.elastic-memory/1 in host.h for meaning and errors. Offsets and lengths in bytes. [any]
  // All or nothing: after an error the same blocks are plugged as before. After SPORE_E_IO of an unplug their contents
  // may be lost, in part or whole: the host had begun to take the memory back. (A backend that refuses to map again
  // what it has just unmapped leaves those blocks unplugged; the log says so.)
  spore::Result<void> plug(uint64_t offset, uint64_t bytes);
  spore::Result<void> unplug(uint64_t offset, uint64_t bytes);
  spore::Result<void> unplug_all();
  // Where it keeps more, all or nothing; where it keeps less, slots that cannot leave are tried again by the next call.
  spore::Result<void> keep_mapped(uint64_t bytes);
  [[nodiscard]] BlockState blocks(uint64_t offset, uint64_t bytes) const;
  [[nodiscard]] uint64_t plugged_bytes() const { return plugged_bytes_.load(std::memory_order_acquire); }

  // While frozen, every change answers SPORE_E_BUSY: somebody is reading the whole memory. A change that is under way
  // is waited for, so that nothing changes between the return of freeze(true) and the call of freeze(false). [any]
  void freeze(bool frozen);

  // Host memory behind blocks that are not plugged, now. [any] Asks the kernel about every page of every slot that was
  // ever mapped: milliseconds, nothing for a hot path.
  [[nodiscard]] uint64_t unplugged_resident_bytes();

  // How often the host refused to take memory back, or to protect it afterwards. [any]
  [[nodiscard]] uint64_t failed_discards() const { return faults_.discards.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t failed_protections() const { return faults_.protections.load(std::memory_order_relaxed); }

  // Copies that may touch only plugged blocks; `offset` from the region's start. SPORE_E_RANGE otherwise. [any]
  [[nodiscard]] spore_status read(uint64_t offset, void* to, uint64_t bytes) const;
  [[nodiscard]] spore_status write(uint64_t offset, const void* from, uint64_t bytes);

  // Runs `use(host pointer)` while the range cannot be unplugged; SPORE_E_RANGE when it is not all plugged. [any]
  template <typename Use>
  [[nodiscard]] spore_status with_pointer(uint64_t offset, uint64_t bytes, Use&& use) const {
    const std::shared_lock book(book_);
    if (!in_region(offset, bytes) || state_of(offset, bytes) != BlockState::plugged) return SPORE_E_RANGE;
    use(mapping_.data() + offset);
    return SPORE_OK;
  }

 private:
  struct Slot {
    uint32_t plugged = 0;    // plugged blocks
    bool mapped = false;     // in the VM
    bool was_mapped = false; // at some time
    bool stale = false;      // out of the VM, and the host has not taken its pages back
  };
  struct Run {
    uint64_t offset, bytes;
  };

  ElasticRegion(const ElasticGeometry& geometry, SlotMapper& mapper, Mapping mapping, LogSink log);

  [[nodiscard]] bool in_region(uint64_t offset, uint64_t bytes) const {
    return bytes != 0 && offset < geometry_.bytes && bytes <= geometry_.bytes - offset;
  }
  [[nodiscard]] spore::Result<void> validate(uint64_t offset, uint64_t bytes) const;
  [[nodiscard]] spore::Result<void> may_change() const;
  [[nodiscard]] BlockState state_of(uint64_t offset, uint64_t bytes) const;
  [[nodiscard]] std::vector<Run> runs(uint64_t offset, uint64_t bytes, bool plugged) const;
  [[nodiscard]] uint64_t slot_length(size_t slot) const;
  [[nodiscard]] size_t end_slot(uint64_t offset, uint64_t bytes) const {
    return (offset + bytes - 1) / geometry_.slot_bytes + 1;
  }
  [[nodiscard]] spore::Result<void> discard(uint64_t offset, uint64_t bytes);
  void protect(size_t slot);
  [[nodiscard]] spore::Result<void> enter_slot(size_t slot);
  [[nodiscard]] spore::Result<void> enter_slots(size_t first, size_t end, std::vector<size_t>& entered);
  [[nodiscard]] spore::Result<void> leave_slot(size_t slot);
  [[nodiscard]] spore::Result<void> forget_slot(size_t slot);
  void turn_back(size_t slot);
  void record(uint64_t offset, uint64_t bytes, bool plugged);
  [[nodiscard]] spore::Result<void> empty_for_plug(uint64_t offset, uint64_t bytes, const std::vector<size_t>& entered);
  [[nodiscard]] spore::Result<void> take_out(uint64_t offset, uint64_t bytes);
  [[nodiscard]] spore::Result<void> forget(size_t slot, const std::vector<Run>& gone);
  [[nodiscard]] spore::Result<void> put_back(const std::vector<Run>& gone, spore::Error why);
  [[nodiscard]] uint64_t resident_bytes(const Run& run);
  void trouble(const std::string& text);

  const ElasticGeometry geometry_;
  SlotMapper& mapper_;
  Mapping mapping_;
  RateLimitedLog log_;
  struct {
    std::atomic<uint64_t> discards{0}, protections{0};
  } faults_;

  // One change at a time. What the host and the VM do for it, which may take milliseconds, is done under this lock
  // alone, so that no device's copy waits for it.
  mutable std::mutex change_;
  std::vector<Slot> slots_; // guarded by change_
  size_t kept_slots_ = 0;   // guarded by change_; slots below this one stay in the VM although empty
  bool frozen_ = false;     // guarded by change_

  mutable std::shared_mutex book_; // taken after change_; held shared by devices' copies
  std::vector<bool> plugged_;      // one a block; written under both locks, so that either allows to read
  std::atomic<uint64_t> plugged_bytes_{0};
};

} // namespace sporehost
