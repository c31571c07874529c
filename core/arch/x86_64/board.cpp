#include "core/arch/x86_64/board.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace sporehost::arch::x86_64 {

namespace {

using spore::fail;
using spore::Result;

// The driver's smallest block: a large page of x86.
constexpr std::array<uint32_t, 16> kVirtioGsis = {5, 6, 7, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};

std::vector<E820Entry> e820_map(const Layout& layout) {
  std::vector<E820Entry> map = {
      {0, kEbda, E820Type::ram},
      {kEbda, kEbdaEnd - kEbda, E820Type::reserved},
      {kAcpiTables, kAcpiTablesEnd - kAcpiTables, E820Type::acpi},
      {kMpConfig, kBiosEnd - kMpConfig, E820Type::reserved},
      {kHighMemory, layout.low_ram.end() - kHighMemory, E820Type::ram},
  };
  if (layout.high_ram.bytes != 0) map.push_back({layout.high_ram.gpa, layout.high_ram.bytes, E820Type::ram});
  return map;
}

} // namespace

Result<Layout> board_layout(uint64_t boot_bytes, uint64_t region_bytes, unsigned address_bits) {
  SPORE_CHECK(check_sizes({boot_bytes, region_bytes, address_bits}, kMinRam, "tables"));
  const uint64_t limit = uint64_t{1} << address_bits;

  Layout layout;
  layout.low_ram = {0, std::min(boot_bytes, kLowRamMax)};
  const uint64_t rest = boot_bytes - layout.low_ram.bytes;
  if (rest != 0 && (limit <= kHighRamStart || rest > limit - kHighRamStart)) {
    return too_wide(boot_bytes, "boot memory", address_bits);
  }
  layout.high_ram = {kHighRamStart, rest};
  if (region_bytes != 0) {
    const uint64_t base = align_up(layout.high_ram.end(), kElasticAlign);
    if (base >= limit || region_bytes > limit - base) return too_wide(region_bytes, "elastic region", address_bits);
    layout.elastic = {base, region_bytes};
  }
  layout.e820 = e820_map(layout);
  layout.address_bits = address_bits;
  return layout;
}

uint64_t memory_block(uint64_t boot_bytes) {
  constexpr uint64_t kManyBytes = 64 * kGiB;
  constexpr uint64_t kLargestBlock = 2 * kGiB;
  const uint64_t end = boot_bytes <= kLowRamMax ? boot_bytes : kHighRamStart + (boot_bytes - kLowRamMax);
  if (end < kManyBytes) return kMemoryBlock;
  uint64_t block = kLargestBlock;
  while (block > kMemoryBlock && end % block != 0) block /= 2;
  return block;
}

Result<MmioSlot> virtio_slot(unsigned index) {
  if (index >= kVirtioGsis.size()) {
    return fail(SPORE_E_RANGE, "the board has interrupts for " + std::to_string(kVirtioGsis.size()) +
                                   " virtio devices; remove one of them");
  }
  return MmioSlot{kVirtioMmioBase + index * kVirtioMmioSize, kVirtioMmioSize, kVirtioGsis[index]};
}

IoArea io_area(const Layout& layout) {
  IoArea area;
  area.gpa_end = uint64_t{1} << layout.address_bits;
  area.mmio = kIoMmio;
  area.ports = kIoPorts;
  area.interrupts = kIoApicPins;
  area.gsis = {kCom2Gsi};
  area.gsis.insert(area.gsis.end(), kVirtioGsis.rbegin(), kVirtioGsis.rend());
  const auto take = [&area](bool port, const GpaRange& range, const char* name) {
    area.taken.push_back({{port, range}, name});
  };
  take(false, layout.low_ram, "the guest's RAM");
  take(false, layout.high_ram, "the guest's RAM");
  take(false, layout.elastic, "the memory that virtio-mem plugs");
  take(false, {kVirtioMmioBase, kVirtioGsis.size() * kVirtioMmioSize}, "the windows of virtio devices");
  take(false, {kIoApic, kIoApicSize}, "the I/O APIC");
  take(false, {kLocalApic, kLocalApicSize}, "the local APIC");
  take(false, {kRealModePages, kRealModePagesSize}, "the pages with which KVM runs real mode");
  for (const GpaRange& ports : kPicPorts) take(true, ports, "the interrupt controller");
  for (const GpaRange& ports : kPitPorts) take(true, ports, "the timer");
  take(true, {kKeyboardResetPort, 1}, "the keyboard controller's reset");
  take(true, {kSleepControlPort, kResetPort - kSleepControlPort + 1}, "the power registers");
  area.taken_interrupts = {{kTimerGsi, "the timer"},
                           {kCascadeGsi, "the interrupt controller"},
                           {kPowerButtonGsi, "the board's power button"}};
  return area;
}

} // namespace sporehost::arch::x86_64
