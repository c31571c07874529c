#include "core/arch/aarch64/board.hpp"

#include <string>

namespace sporehost::arch::aarch64 {

namespace {

using spore::fail;
using spore::Result;

static_assert(kGicRedist + kMaxVcpus * kGicRedistSize <= kPl011);
static_assert(kVirtioMmioBase + kMaxVirtioDevices * kVirtioMmioSize <= kIoMmio.gpa);
static_assert(kIoMmio.gpa + kIoMmio.bytes <= kRamStart);

} // namespace

Result<Layout> board_layout(uint64_t boot_bytes, uint64_t region_bytes, unsigned address_bits) {
  SPORE_CHECK(check_sizes({boot_bytes, region_bytes, address_bits}, kMinRam, "device tree"));
  const uint64_t limit = uint64_t{1} << address_bits;
  if (boot_bytes > limit - kRamStart) return too_wide(boot_bytes, "boot memory", address_bits);

  Layout layout;
  layout.address_bits = address_bits;
  layout.ram = {kRamStart, boot_bytes};
  layout.fdt = {(layout.ram.end() - kFdtRoom) / kFdtRoom * kFdtRoom, kFdtRoom};
  if (region_bytes != 0) {
    const uint64_t base = align_up(layout.ram.end(), kElasticAlign);
    if (base >= limit || region_bytes > limit - base) return too_wide(region_bytes, "elastic region", address_bits);
    layout.elastic = {base, region_bytes};
  }
  return layout;
}

Result<void> check_page_size(const Layout& layout, uint32_t page_bytes) {
  if (page_bytes <= 16 * kKiB || layout.elastic.bytes == 0) return {};
  if (layout.elastic.gpa % kMemoryBlock64k == 0 && layout.elastic.bytes % kMemoryBlock64k == 0) return {};
  return fail(SPORE_E_UNSUPPORTED,
              "a kernel with " + std::to_string(page_bytes / kKiB) + " KiB pages adds memory in blocks of " +
                  std::to_string(kMemoryBlock64k / kMiB) + " MiB, and the region to plug has " +
                  std::to_string(layout.elastic.bytes / kMiB) + " MiB behind " +
                  std::to_string(layout.ram.bytes / kMiB) +
                  " MiB of RAM; make both multiples of 512 MiB, use fixed memory, or a kernel with 4 KiB pages");
}

Result<MmioSlot> virtio_slot(uint32_t index) {
  if (index >= kMaxVirtioDevices) {
    return fail(SPORE_E_RANGE,
                "the board has room for " + std::to_string(kMaxVirtioDevices) + " virtio devices; remove one of them");
  }
  return MmioSlot{kVirtioMmioBase + index * kVirtioMmioSize, kVirtioMmioSize, kVirtioFirstGsi + index};
}

IoArea io_area(const Layout& layout) {
  IoArea area;
  area.gpa_end = uint64_t{1} << layout.address_bits;
  area.mmio = kIoMmio;
  area.interrupts = kSpis;
  for (uint32_t gsi = kSpis; gsi-- > kVirtioFirstGsi + kMaxVirtioDevices;) area.gsis.push_back(gsi);
  const auto take = [&area](const GpaRange& range, const char* name) { area.taken.push_back({{false, range}, name}); };
  take(layout.ram, "the guest's RAM");
  take(layout.elastic, "the memory that virtio-mem plugs");
  take({kVirtioMmioBase, kMaxVirtioDevices * kVirtioMmioSize}, "the windows of virtio devices");
  take({kGicDist, kGicDistSize}, "the GIC's distributor");
  take({kGicRedist, kMaxVcpus * kGicRedistSize}, "the GIC's redistributors");
  return area;
}

} // namespace sporehost::arch::aarch64
