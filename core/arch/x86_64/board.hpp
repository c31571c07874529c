// The x86-64 board: what lies at which guest-physical address, port and interrupt. Addresses are GPAs, sizes bytes.
//
//   0            low RAM: boot tables, command line; the kernel from 16 MiB or where it asks to be
//   0x0009fc00   MP floating pointer, where a PC's BIOS data ends          (reserved)
//   0x000e0000   RSDP and ACPI tables                                      (ACPI data)
//   0x000f0000   MP configuration table                                    (reserved)
//   0x000ffff0   reset vector: a few bytes of code                         (reserved)
//   0x00100000   RAM, up to 3 GiB at most
//   0xc0000000   hole: virtio-mmio windows from 0xd0000000, I/O devices from 0xd8000000, IOAPIC, local APIC
//   4 GiB        the RAM that did not fit below
//   above it     elastic region, aligned to 128 MiB                        (not in the e820 map)
//
// Everything here is pure and [any].
#pragma once

#include <sporehost/result.hpp>

#include <cstdint>
#include <optional>
#include <vector>

#include "core/arch/io_area.hpp"
#include "core/arch/places.hpp"
#include "core/arch/sizes.hpp"

namespace sporehost::arch::x86_64 {

// --- RAM ---------------------------------------------------------------------------------------------------------
// Low RAM ends at 3 GiB: 1 GiB of hole is ample for windows, and a kernel maps both sides with whole 1 GiB pages.
constexpr uint64_t kLowRamMax = 3 * kGiB;
constexpr uint64_t kHighRamStart = 4 * kGiB;
// Below this the board has its tables; kernels load above it, as on every PC.
constexpr uint64_t kHighMemory = 1 * kMiB;
// The tables alone need the first MiB. More than that is the kernel's business; tiny test guests fit.
constexpr uint64_t kMinRam = 2 * kMiB;
// Linux adds and removes memory in memory blocks (SECTION_SIZE_BITS 27 in arch/x86/include/asm/sparsemem.h); a region
// that starts on one wastes none of it.
constexpr uint64_t kMemoryBlock = 128 * kMiB;
constexpr uint64_t kElasticAlign = kMemoryBlock;

// --- Boot tables in low RAM: free for the kernel again once it runs -----------------------------------------------
constexpr uint64_t kGdt = 0x500;           // first byte behind the BIOS data area
constexpr uint64_t kZeroPage = 0x7000;     // boot_params, one page
constexpr uint64_t kBootStackTop = 0x8ff0; // a page of stack; Linux switches to its own at once
constexpr uint64_t kPageTables = 0x9000;   // PML4, PDPT, four page directories: 0x9000..0xefff
constexpr uint64_t kCmdline = 0x20000;     // 64 KiB of room, up to 0x30000
constexpr uint64_t kCmdlineRoom = 64 * kKiB;

// --- Tables that stay, where a kernel without any hint searches for them -------------------------------------------
constexpr uint64_t kEbda = 0x9fc00; // last KiB below 640 KiB; MP spec 1.4, chapter 4, lists it
constexpr uint64_t kEbdaEnd = 0xa0000;
constexpr uint64_t kAcpiTables = 0xe0000; // ACPI 5.2.5.1: RSDP on a 16-byte boundary in 0xe0000..0xfffff
constexpr uint64_t kAcpiTablesEnd = 0xf0000;
constexpr uint64_t kMpConfig = 0xf0000; // the pointer at kEbda leads here; room for every vCPU
constexpr uint64_t kMpConfigEnd = 0xffff0;
constexpr uint64_t kResetVector = 0xffff0; // f000:fff0, where a kernel that wants the BIOS to reset jumps to
constexpr uint64_t kBiosEnd = 0x100000;

// --- The hole -----------------------------------------------------------------------------------------------------
constexpr uint64_t kVirtioMmioBase = 0xd0000000; // free of everything a PC has; 256 windows fit below any PCI habit
constexpr uint64_t kVirtioMmioSize = 4 * kKiB;   // one page each: registers 0..0xff, configuration from 0x100
constexpr GpaRange kIoMmio = {0xd8000000, 384 * kMiB}; // for windows that may lie anywhere: no PC has anything there
constexpr uint64_t kIoApic = 0xfec00000;               // fixed by habit; in-kernel interrupt controllers have it there
constexpr uint64_t kIoApicSize = 4 * kKiB;
constexpr uint64_t kLocalApic = 0xfee00000; // IA32_APIC_BASE after reset (Intel SDM 3A, 11.4.1)
constexpr uint64_t kLocalApicSize =
    1 * kMiB; // what is behind its page is where message-signalled interrupts go (11.11.1)
// KVM on Intel: identity map and task state of a processor that cannot run real mode as it is.
constexpr uint64_t kRealModePages = 0xfffbc000;
constexpr uint64_t kRealModePagesSize = 4 * kPage;

// --- Ports --------------------------------------------------------------------------------------------------------
constexpr uint16_t kCom1Port = 0x3f8;
constexpr uint16_t kCom1Ports = 8;
constexpr uint32_t kCom1Gsi = 4;
// Power block, where other virtual boards have theirs (ACPI 4.8.3.7, hardware-reduced sleep registers):
constexpr uint16_t kSleepControlPort = 0x600; // the guest writes kSleepS5 to power off
constexpr uint16_t kSleepStatusPort = 0x601;  // reads as 0; writes (wake status) are ignored
constexpr uint16_t kResetPort = 0x602;        // the guest writes kResetValue to reset
constexpr uint8_t kSleepTypeS5 = 5;
constexpr uint8_t kSleepS5 = (kSleepTypeS5 << 2) | 0x20; // SLP_TYP in bits 2..4, SLP_EN in bit 5
constexpr uint8_t kResetValue = 1;
// Kernels without ACPI reset by the keyboard controller's pulse; there is no other keyboard controller than this.
constexpr uint16_t kKeyboardResetPort = 0x64;
constexpr uint8_t kKeyboardResetValue = 0xfe;

// For devices that take any port. Plug and play has the ports above 0xfff free of what a PC knows by its address.
constexpr GpaRange kIoPorts = {0x1000, 0x1000};
// What an in-kernel interrupt controller and timer answer themselves.
constexpr GpaRange kPicPorts[] = {{0x20, 2}, {0xa0, 2}, {0x4d0, 2}};
constexpr GpaRange kPitPorts[] = {{0x40, 4}, {0x61, 1}};

// --- Interrupts and CPUs ------------------------------------------------------------------------------------------
constexpr uint32_t kIoApicPins = 24;
constexpr uint32_t kTimerGsi = 0;   // the PIT's, whether its pin is this or, with kernels that expect it so, pin 2
constexpr uint32_t kCascadeGsi = 2; // the second 8259's on a PC
constexpr uint32_t kCom2Gsi = 3;
constexpr uint32_t kPowerButtonGsi = 9; // the SCI's, which a hardware-reduced board does not have
// xAPIC ids are 8 bits, 255 is broadcast, and the IOAPIC takes the id behind the last vCPU's.
constexpr uint32_t kMaxVcpus = 254;

enum class E820Type : uint32_t { ram = 1, reserved = 2, acpi = 3 };

struct E820Entry {
  uint64_t gpa = 0;
  uint64_t size = 0;
  E820Type type = E820Type::ram;
  friend bool operator==(const E820Entry&, const E820Entry&) = default;
};

// Where one machine's memory lies. Ranges with 0 bytes do not exist.
struct Layout {
  GpaRange low_ram;  // from 0; guest memory backs it whole, tables and PC holes included
  GpaRange high_ram; // from 4 GiB
  GpaRange elastic;  // for virtio-mem; never in the e820 map, so that a guest without the driver leaves it alone
  std::vector<E820Entry> e820; // ascending, without overlap
  unsigned address_bits = 52;  // of a guest-physical address
};

// Lays out `boot_bytes` of RAM and an elastic region of `region_bytes` (0: none). `address_bits` is the width of a
// guest-physical address as the guest's CPUID tells it.
// Errors: SPORE_E_INVALID a size that is not a multiple of 4 KiB (boot) or 2 MiB (region), or too little RAM;
// SPORE_E_RANGE more than the address width holds.
[[nodiscard]] spore::Result<Layout> board_layout(uint64_t boot_bytes, uint64_t region_bytes,
                                                 unsigned address_bits = 52);

// The memory block of a machine with `boot_bytes` of RAM. From 64 GiB on Linux takes the largest power of two up to 2
// GiB that the end of RAM is a multiple of (probe_memory_block_size in arch/x86/mm/init_64.c).
[[nodiscard]] uint64_t memory_block(uint64_t boot_bytes);

// Window and interrupt of the virtio device number `index`, counted from 0, in the order of the machine description.
// GSIs 5..23 without those that PC software expects elsewhere: 8 (RTC), 9 (power button), 13 (FPU); 0..4 are timer,
// keyboard, cascade, COM2, COM1. Errors: SPORE_E_RANGE when the IOAPIC has no pin left.
[[nodiscard]] spore::Result<MmioSlot> virtio_slot(unsigned index);

// What this board has for I/O devices. Any interrupt means: COM2's, which no virtio device gets, then theirs from the
// last one downwards.
[[nodiscard]] IoArea io_area(const Layout& layout);

} // namespace sporehost::arch::x86_64
