// The arm64 board: what lies at which guest-physical address and interrupt. Addresses are GPAs, sizes bytes.
//
//   0x08000000   GICv3 distributor, 64 KiB
//   0x080a0000   GICv3 redistributors, 128 KiB a vCPU
//   0x09000000   PL011 serial port
//   0x0a000000   virtio-mmio windows, 4 KiB each
//   0x10000000   I/O devices that may lie anywhere, up to RAM
//   1 GiB        RAM, all of it; the kernel at its start, initrd and device tree at its end
//   behind it    elastic region, aligned to 128 MiB            (not in the device tree)
//
// A GSI is the number of a shared peripheral interrupt (SPI): the GIC's interrupt 32 + GSI. All are edges but those
// that I/O devices describe as levels. Everything here is pure and [any].
#pragma once

#include <sporehost/result.hpp>

#include <cstdint>

#include "core/arch/io_area.hpp"
#include "core/arch/places.hpp"
#include "core/arch/sizes.hpp"

namespace sporehost::arch::aarch64 {

// --- Interrupt controller (GICv3 architecture, chapter 12) ---------------------------------------------------------
constexpr uint64_t kGicDist = 0x08000000;
constexpr uint64_t kGicDistSize = 64 * kKiB;
constexpr uint64_t kGicRedist = 0x080a0000;
constexpr uint64_t kGicRedistSize = 128 * kKiB; // one vCPU's
constexpr uint32_t kMaxVcpus = 123;             // redistributors end where the serial port begins

// --- Devices ------------------------------------------------------------------------------------------------------
constexpr uint64_t kPl011 = 0x09000000;
constexpr uint64_t kPl011Size = 4 * kKiB;
constexpr uint32_t kPl011Gsi = 1;
constexpr uint64_t kVirtioMmioBase = 0x0a000000;
constexpr uint64_t kVirtioMmioSize = 4 * kKiB; // registers 0..0xff, configuration from 0x100
constexpr uint32_t kVirtioFirstGsi = 16;
constexpr uint32_t kMaxVirtioDevices = 64;
constexpr GpaRange kIoMmio = {0x10000000, 768 * kMiB}; // for windows that may lie anywhere
constexpr uint32_t kSpis = 224; // shared peripheral interrupts: with the 32 private ones a round number for every GIC

// --- RAM ----------------------------------------------------------------------------------------------------------
constexpr uint64_t kRamStart = 1 * kGiB;
constexpr uint64_t kMinRam = 2 * kMiB;
// With 4 KiB and 16 KiB pages Linux adds and removes memory in blocks of 128 MiB; with 64 KiB pages, of 512 MiB
// (SECTION_SIZE_BITS in arch/arm64/include/asm/sparsemem.h).
constexpr uint64_t kMemoryBlock = 128 * kMiB;
constexpr uint64_t kElasticAlign = kMemoryBlock;
constexpr uint64_t kMemoryBlock64k = 512 * kMiB;
// The device tree has the end of RAM; booting.rst allows 2 MiB, and a full board takes a tenth of this.
constexpr uint64_t kFdtRoom = 256 * kKiB;

// Where one machine's memory lies.
struct Layout {
  GpaRange ram;
  GpaRange elastic; // for virtio-mem; 0 bytes: none
  GpaRange fdt;     // in RAM; what lies below it is free for kernel and initrd
  unsigned address_bits = 52;
};

// Lays out `boot_bytes` of RAM and an elastic region of `region_bytes` (0: none) in addresses of `address_bits`.
// Errors: SPORE_E_INVALID a size that is not a multiple of 4 KiB (boot) or 2 MiB (region), or too little RAM;
// SPORE_E_RANGE more than the address width holds.
[[nodiscard]] spore::Result<Layout> board_layout(uint64_t boot_bytes, uint64_t region_bytes, unsigned address_bits);

// Whether a kernel with pages of `page_bytes` can use the whole elastic region.
// Errors: SPORE_E_UNSUPPORTED its memory blocks do not fit the region, with the sizes that would.
[[nodiscard]] spore::Result<void> check_page_size(const Layout& layout, uint32_t page_bytes);

// What a backend says of its GICv3: spore_arm64_gic.
struct GicFacts {
  uint64_t distributor_bytes = kGicDistSize, distributor_alignment = kGicDistSize;
  uint64_t redistributor_bytes = kGicRedistSize, redistributor_alignment = kGicDistSize; // bytes of one vCPU's
  uint32_t gsi_count = kSpis;
};
struct GicPlaces {
  GpaRange distributor;
  GpaRange redistributors;
};

// Where a GIC of that size lies on this board: as low as its alignment allows. Errors: SPORE_E_RANGE where the board
// has no room for it, SPORE_E_UNSUPPORTED where it has too few interrupts, SPORE_E_INVALID facts that cannot be.
[[nodiscard]] spore::Result<GicPlaces> gic_places(const GicFacts& facts, uint32_t vcpus);

// Window and interrupt of the virtio device number `index`. Errors: SPORE_E_RANGE beyond kMaxVirtioDevices.
[[nodiscard]] spore::Result<MmioSlot> virtio_slot(uint32_t index);

// What this board has for I/O devices: no ports, and for any interrupt those behind virtio's, from the last one
// downwards.
[[nodiscard]] IoArea io_area(const Layout& layout);

// The affinity fields of vCPU `index`'s MPIDR_EL1, which are its name in the device tree and for PSCI. As
// sporehost.arm64-vcpu/1 says.
[[nodiscard]] constexpr uint64_t mpidr_affinity(uint32_t index) {
  return (index & 15) | uint64_t{index >> 4 & 255} << 8 | uint64_t{index >> 12} << 16;
}

} // namespace sporehost::arch::aarch64
