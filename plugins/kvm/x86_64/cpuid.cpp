#include "plugins/kvm/x86_64/cpuid.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>

#include "plugins/kvm/x86_64/flexible.hpp"

namespace kvm::x86 {
namespace {

constexpr uint32_t bit(unsigned number) {
  return uint32_t{1} << number;
}

// Leaf 1
constexpr uint32_t kMonitor = bit(3);      // ECX
constexpr uint32_t kPdcm = bit(15);        // ECX: PERF_CAPABILITIES
constexpr uint32_t kX2apic = bit(21);      // ECX
constexpr uint32_t kTscDeadline = bit(24); // ECX
constexpr uint32_t kHypervisor = bit(31);  // ECX
constexpr uint32_t kHtt = bit(28);         // EDX: the logical processor count in EBX is valid
// Leaf 0x80000001
constexpr uint32_t kAmdPerformance = bit(23) | bit(24) | bit(28); // ECX: core, northbridge and L2 counters
constexpr uint32_t kTopologyLevelSmt = 1, kTopologyLevelCore = 2; // leaf 0xB, ECX bits 15:8
constexpr uint32_t kFirstSharedCacheLevel = 3;                    // levels 1 and 2 belong to a core
constexpr unsigned kEntriesFirstTry = 128, kEntriesMax = 4096;

// A cache's "logical processors that share it" and "cores in the package", both less one (leaf 4, AMD 0x8000001D).
uint32_t cache_sharing(uint32_t eax, uint32_t cores) {
  const uint32_t level = (eax >> 5) & 7;
  const uint32_t sharing = level >= kFirstSharedCacheLevel ? cores - 1 : 0;
  return (eax & 0x3fff) | (sharing << 14);
}

void patch(kvm_cpuid_entry2& entry, uint32_t vcpu_count, bool tsc_deadline) {
  const uint32_t cores = std::bit_ceil(vcpu_count); // ids are laid out in powers of two
  switch (entry.function) {
    case 1:
      entry.ebx = (entry.ebx & 0x0000ffff) | (std::min(cores, 255U) << 16);
      entry.ecx &= ~(kMonitor | kVmx | kPdcm | kTscDeadline);
      entry.ecx |= kHypervisor | kX2apic | (tsc_deadline ? kTscDeadline : 0);
      entry.edx = vcpu_count > 1 ? entry.edx | kHtt : entry.edx & ~kHtt;
      break;
    case 4:
      if ((entry.eax & 0x1f) != 0) entry.eax = cache_sharing(entry.eax, cores) | (std::min(cores - 1, 63U) << 26);
      break;
    case 5:          // MONITOR and MWAIT: a guest that sleeps by them keeps a host processor busy
    case 0xa:        // performance counters: not virtualized, and costly at every switch
    case 0x80000022: // AMD's
      entry.eax = entry.ebx = entry.ecx = entry.edx = 0;
      break;
    case 0x80000001:
      entry.ecx &= ~(kSvm | kAmdPerformance);
      break;
    case 0x80000008: // AMD: core count less one, and how many bits of the APIC id number cores
      entry.ecx = (entry.ecx & ~0xf0ffU) | (vcpu_count - 1) | (static_cast<uint32_t>(std::countr_zero(cores)) << 12);
      break;
    case 0x8000001d:
      if ((entry.eax & 0x1f) != 0) entry.eax = cache_sharing(entry.eax, cores);
      break;
    default:
      break;
  }
}

bool describes_topology(uint32_t function) {
  return function == 0xb || function == 0x1f;
}

// The levels of leaf 0xB or 0x1F: threads of a core, cores of the package, and the end.
void append_topology(CpuidTable& table, uint32_t function, uint32_t vcpu_count) {
  const auto shift = static_cast<uint32_t>(std::countr_zero(std::bit_ceil(vcpu_count)));
  const auto level = [&](uint32_t index, uint32_t eax, uint32_t ebx, uint32_t type) {
    kvm_cpuid_entry2 entry{};
    entry.function = function;
    entry.index = index;
    entry.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
    entry.eax = eax;
    entry.ebx = ebx;
    entry.ecx = index | (type << 8);
    table.push_back(entry);
  };
  level(0, 0, 1, kTopologyLevelSmt);
  level(1, shift, vcpu_count, kTopologyLevelCore);
  level(2, 0, 0, 0);
}

} // namespace

spore::Result<CpuidTable> supported_cpuid(const Device& device) {
  for (unsigned entries = kEntriesFirstTry; entries <= kEntriesMax; entries *= 2) {
    Flexible<kvm_cpuid_entry2> buffer(entries);
    if (call(device.fd(), kGetSupportedCpuid, buffer.data()) == 0) return buffer.entries();
    if (errno != E2BIG) return system_error("KVM_GET_SUPPORTED_CPUID", errno);
  }
  return spore::fail(SPORE_E_UNSUPPORTED, "KVM supports more CPUID leaves than this backend can hold");
}

CpuidTable vm_cpuid(CpuidTable supported, uint32_t vcpu_count, bool tsc_deadline) {
  CpuidTable table = std::move(supported);
  const bool has_v2_topology =
      std::any_of(table.begin(), table.end(), [](const auto& entry) { return entry.function == 0x1f; });
  std::erase_if(table, [](const auto& entry) { return describes_topology(entry.function); });
  for (kvm_cpuid_entry2& entry : table) patch(entry, vcpu_count, tsc_deadline);
  append_topology(table, 0xb, vcpu_count);
  if (has_v2_topology) append_topology(table, 0x1f, vcpu_count);
  return table;
}

void set_apic_id(CpuidTable& table, uint32_t index) {
  for (kvm_cpuid_entry2& entry : table) {
    if (entry.function == 1) {
      entry.ebx = (entry.ebx & 0x00ffffff) | (index << 24);
    } else if (describes_topology(entry.function)) {
      entry.edx = index;
    } else if (entry.function == 0x8000001e) { // AMD: extended APIC id; core id, one thread a core; node 0
      entry.eax = index;
      entry.ebx = index & 0xff;
      entry.ecx = 0;
    }
  }
}

unsigned physical_address_bits(const CpuidTable& table) {
  for (const kvm_cpuid_entry2& entry : table) {
    if (entry.function != 0x80000008) continue;
    const unsigned guest = (entry.eax >> 16) & 0xff; // AMD: where nested paging reaches less far
    return guest != 0 ? guest : entry.eax & 0xff;
  }
  return 36; // what a processor without the leaf has
}

spore::Result<void> set_cpuid(int vcpu_fd, const CpuidTable& table) {
  Flexible<kvm_cpuid_entry2> buffer(table);
  if (call(vcpu_fd, kSetCpuid2, buffer.data()) != 0) return system_error("KVM_SET_CPUID2", errno);
  return {};
}

} // namespace kvm::x86
