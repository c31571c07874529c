// Guest memory of one VM: which host memory stands behind which guest-physical range, and KVM's slot numbers for them.
// Linux: Documentation/virt/kvm/api.rst, section 4.35 (KVM_SET_USER_MEMORY_REGION).
#pragma once

#include <sporehost/result.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <vector>

namespace kvm {

class MemorySlots {
 public:
  // vm_fd: borrowed. slots_max: KVM_CAP_NR_MEMSLOTS. gpa_end: no mapping may reach beyond it. read_only: whether KVM
  // can map memory that the guest may not write.
  MemorySlots(int vm_fd, uint32_t slots_max, uint64_t gpa_end, bool read_only);

  // As map_memory and unmap_memory of backend.h. [any]
  spore::Result<void> map(uint64_t gpa, void* host, uint64_t bytes, uint32_t flags);
  spore::Result<void> unmap(uint64_t gpa, uint64_t bytes);

  // Copies out what the guest has at `gpa`; returns how many bytes are there, at most to.size(). [any]
  size_t peek(uint64_t gpa, std::span<uint8_t> to) const;

 private:
  struct Slot {
    uint64_t bytes;
    uint8_t* host;
    uint32_t number;
  };

  [[nodiscard]] spore::Result<void> check(uint64_t gpa, const void* host, uint64_t bytes, uint32_t flags) const;
  [[nodiscard]] const std::pair<const uint64_t, Slot>* overlapping(uint64_t gpa, uint64_t bytes) const;
  int set_region(uint32_t number, uint32_t flags, uint64_t gpa, void* host, uint64_t bytes) const;

  const int vm_fd_;
  const uint32_t slots_max_;
  const uint64_t gpa_end_;
  const bool read_only_;

  mutable std::mutex mutex_;
  std::map<uint64_t, Slot> slots_; // by guest-physical address
  std::vector<uint32_t> free_;     // numbers below slots_.size() + free_.size() that are not in use
};

} // namespace kvm
