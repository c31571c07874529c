// KVM's structs that end in a flexible array, and the requests that take them.
//
// The kernel's own declarations cannot be used from C++: up to Linux 6.1, <linux/kvm.h> puts an empty struct before the
// array, which has no size in C and a size of 1 in C++. That moves the entries, and changes the size that is part of
// the request's number. All of these structs begin with the same 8 bytes, so one declaration serves.
#pragma once

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace kvm::x86 {

struct FlexibleHeader {
  uint32_t count;
  uint32_t padding;
};
static_assert(sizeof(FlexibleHeader) == 8);
static_assert(sizeof(kvm_cpuid_entry2) == 40 && sizeof(kvm_msr_entry) == 16);

inline constexpr unsigned long kGetSupportedCpuid = _IOWR(KVMIO, 0x05, FlexibleHeader);
inline constexpr unsigned long kSetMsrs = _IOW(KVMIO, 0x89, FlexibleHeader);
inline constexpr unsigned long kSetCpuid2 = _IOW(KVMIO, 0x90, FlexibleHeader);

// Header and entries in one block, as the kernel reads and writes them.
template <typename Entry>
class Flexible {
 public:
  explicit Flexible(size_t count) : bytes_(sizeof(FlexibleHeader) + count * sizeof(Entry)) {
    const FlexibleHeader header{static_cast<uint32_t>(count), 0};
    std::memcpy(bytes_.data(), &header, sizeof header);
  }
  explicit Flexible(std::span<const Entry> entries) : Flexible(entries.size()) {
    if (!entries.empty()) std::memcpy(bytes_.data() + sizeof(FlexibleHeader), entries.data(), entries.size_bytes());
  }

  [[nodiscard]] void* data() { return bytes_.data(); }

  // As many entries as the header counts now.
  [[nodiscard]] std::vector<Entry> entries() const {
    FlexibleHeader header{};
    std::memcpy(&header, bytes_.data(), sizeof header);
    const size_t room = (bytes_.size() - sizeof header) / sizeof(Entry);
    std::vector<Entry> entries(std::min<size_t>(header.count, room));
    if (!entries.empty()) std::memcpy(entries.data(), bytes_.data() + sizeof header, entries.size() * sizeof(Entry));
    return entries;
  }

 private:
  std::vector<uint8_t> bytes_;
};

} // namespace kvm::x86
