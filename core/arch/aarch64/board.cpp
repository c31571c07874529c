#include "core/arch/aarch64/board.hpp"

#include <algorithm>
#include <bit>
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

Result<GicPlaces> gic_places(const GicFacts& facts, uint32_t vcpus) {
  if (!std::has_single_bit(facts.distributor_alignment) || !std::has_single_bit(facts.redistributor_alignment) ||
      facts.distributor_bytes == 0 || facts.redistributor_bytes == 0)
    return fail(SPORE_E_INVALID, "the backend describes a GIC that cannot be: a size of 0, or an odd alignment");
  if (facts.gsi_count < kSpis)
    return fail(SPORE_E_UNSUPPORTED, "the backend's GIC has " + std::to_string(facts.gsi_count) +
                                         " shared interrupts, the board needs " + std::to_string(kSpis));
  const auto no_room = [&] {
    return fail(SPORE_E_RANGE, "the backend's GIC does not fit between " + std::to_string(kGicDist / kMiB) + " and " +
                                   std::to_string(kPl011 / kMiB) + " MiB with " + std::to_string(vcpus) +
                                   " vCPUs; use fewer `cpus`");
  };
  constexpr uint64_t kRoom = kPl011 - kGicDist; // no number from here on is near 64 bits
  if (facts.distributor_bytes > kRoom || facts.distributor_alignment > kRoom || facts.redistributor_bytes > kRoom ||
      facts.redistributor_alignment > kRoom || vcpus > kMaxVcpus)
    return no_room();
  GicPlaces places;
  places.distributor = {align_up(kGicDist, facts.distributor_alignment), facts.distributor_bytes};
  places.redistributors = {align_up(std::max(kGicRedist, places.distributor.end()), facts.redistributor_alignment),
                           vcpus * facts.redistributor_bytes};
  if (places.redistributors.end() > kPl011) return no_room();
  return places;
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
  take({kGicDist, kPl011 - kGicDist}, "the GIC");
  return area;
}

} // namespace sporehost::arch::aarch64
