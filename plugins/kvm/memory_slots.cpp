#include "plugins/kvm/memory_slots.hpp"

#include <linux/kvm.h>
#include <sporehost/backend.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <string>

#include "plugins/kvm/device.hpp"

namespace kvm {
namespace {

constexpr uint64_t kPagesMax =
    (uint64_t{1} << 31) - 1; // KVM_MEM_MAX_NR_PAGES, which the kernel's headers keep to itself

std::string range_text(uint64_t gpa, uint64_t bytes) {
  char text[64];
  std::snprintf(text, sizeof text, "guest memory 0x%" PRIx64 " + 0x%" PRIx64, gpa, bytes);
  return text;
}

} // namespace

MemorySlots::MemorySlots(int vm_fd, uint32_t slots_max, uint64_t gpa_end, bool read_only)
    : vm_fd_(vm_fd), slots_max_(slots_max), gpa_end_(gpa_end), read_only_(read_only) {}

spore::Result<void> MemorySlots::map(uint64_t gpa, void* host, uint64_t bytes, uint32_t flags) {
  SPORE_CHECK(check(gpa, host, bytes, flags));

  const std::lock_guard lock(mutex_);
  if (const auto* other = overlapping(gpa, bytes)) {
    return spore::fail(SPORE_E_EXISTS, range_text(gpa, bytes) + " overlaps " +
                                           range_text(other->first, other->second.bytes) + ", which is mapped");
  }
  if (free_.empty() && slots_.size() >= slots_max_) {
    return spore::fail(SPORE_E_NO_MEMORY, range_text(gpa, bytes) + ": all " + std::to_string(slots_max_) +
                                              " memory slots of KVM are in use; larger slots need fewer");
  }
  const uint32_t number = free_.empty() ? static_cast<uint32_t>(slots_.size()) : free_.back();
  const auto place = slots_.emplace(gpa, Slot{bytes, static_cast<uint8_t*>(host), number}).first;
  const uint32_t kvm_flags = (flags & SPORE_MAP_WRITE) != 0 ? 0 : KVM_MEM_READONLY;
  if (set_region(number, kvm_flags, gpa, host, bytes) != 0) {
    const int error = errno;
    slots_.erase(place);
    return system_error("KVM does not map " + range_text(gpa, bytes), error);
  }
  if (!free_.empty()) free_.pop_back();
  return {};
}

spore::Result<void> MemorySlots::unmap(uint64_t gpa, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = slots_.find(gpa);
  if (found == slots_.end()) return spore::fail(SPORE_E_NOT_FOUND, range_text(gpa, bytes) + " is not mapped");
  if (found->second.bytes != bytes) {
    return spore::fail(SPORE_E_INVALID, range_text(gpa, bytes) + " was mapped as " +
                                            range_text(gpa, found->second.bytes) + "; it goes as a whole");
  }
  free_.push_back(found->second.number); // first, as this may throw and nothing has changed yet
  if (set_region(found->second.number, 0, gpa, found->second.host, 0) != 0) {
    const int error = errno;
    free_.pop_back();
    return system_error("KVM does not unmap " + range_text(gpa, bytes), error);
  }
  slots_.erase(found);
  return {};
}

size_t MemorySlots::peek(uint64_t gpa, std::span<uint8_t> to) const {
  const std::lock_guard lock(mutex_);
  auto next = slots_.upper_bound(gpa);
  if (next == slots_.begin()) return 0;
  const auto& [start, slot] = *std::prev(next);
  const uint64_t offset = gpa - start;
  if (offset >= slot.bytes) return 0;
  const size_t bytes = static_cast<size_t>(std::min<uint64_t>(to.size(), slot.bytes - offset));
  // By a system call, because the owner may have made the memory inaccessible.
  const iovec local{to.data(), bytes};
  const iovec remote{slot.host + offset, bytes};
  return static_cast<size_t>(std::max<ssize_t>(0, ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0)));
}

spore::Result<void> MemorySlots::check(uint64_t gpa, const void* host, uint64_t bytes, uint32_t flags) const {
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  if (bytes == 0) return spore::fail(SPORE_E_INVALID, range_text(gpa, bytes) + ": the length must not be 0");
  if (host == nullptr) return spore::fail(SPORE_E_INVALID, range_text(gpa, bytes) + ": no host memory was given");
  if (((gpa | bytes | reinterpret_cast<uintptr_t>(host)) & (page - 1)) != 0) {
    return spore::fail(SPORE_E_INVALID, range_text(gpa, bytes) + ": guest address, host address and length must be " +
                                            "multiples of the page size, " + std::to_string(page));
  }
  const uint64_t most = kPagesMax * page;
  if (bytes > most) {
    return spore::fail(SPORE_E_RANGE, range_text(gpa, bytes) + ": KVM maps less than " +
                                          std::to_string((most + page) >> 40) + " TiB in one piece; use less memory");
  }
  if (gpa + bytes < gpa || gpa + bytes > gpa_end_) {
    return spore::fail(SPORE_E_RANGE, range_text(gpa, bytes) + " reaches beyond the end of the VM's addresses, which " +
                                          range_text(0, gpa_end_) + " describes");
  }
  constexpr uint32_t kFlagsKnown = SPORE_MAP_READ | SPORE_MAP_WRITE | SPORE_MAP_EXECUTE;
  if ((flags & ~kFlagsKnown) != 0) {
    return spore::fail(SPORE_E_UNSUPPORTED, range_text(gpa, bytes) + ": this backend does not know all of its flags");
  }
  if ((flags & SPORE_MAP_READ) == 0) {
    return spore::fail(SPORE_E_UNSUPPORTED, range_text(gpa, bytes) + ": KVM maps no memory that cannot be read");
  }
  if ((flags & SPORE_MAP_WRITE) == 0 && !read_only_) {
    return spore::fail(SPORE_E_UNSUPPORTED, range_text(gpa, bytes) + ": this KVM lacks KVM_CAP_READONLY_MEM");
  }
  return {};
}

const std::pair<const uint64_t, MemorySlots::Slot>* MemorySlots::overlapping(uint64_t gpa, uint64_t bytes) const {
  const auto next = slots_.lower_bound(gpa);
  if (next != slots_.end() && next->first < gpa + bytes) return &*next;
  if (next == slots_.begin()) return nullptr;
  const auto previous = std::prev(next);
  return previous->first + previous->second.bytes > gpa ? &*previous : nullptr;
}

int MemorySlots::set_region(uint32_t number, uint32_t flags, uint64_t gpa, void* host, uint64_t bytes) const {
  kvm_userspace_memory_region region{.slot = number,
                                     .flags = flags,
                                     .guest_phys_addr = gpa,
                                     .memory_size = bytes,
                                     .userspace_addr = reinterpret_cast<uintptr_t>(host)};
  return call(vm_fd_, KVM_SET_USER_MEMORY_REGION, &region);
}

} // namespace kvm
