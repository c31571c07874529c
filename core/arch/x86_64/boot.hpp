// What the 64-bit boot protocol wants to find in memory and registers when Linux starts.
// Spec: Documentation/arch/x86/boot.rst "64-bit Boot Protocol", zero-page.rst.
#pragma once

#include <sporehost/backend.h>
#include <sporehost/result.hpp>

#include <array>
#include <string_view>

#include "core/arch/guest_writer.hpp"
#include "core/arch/x86_64/board.hpp"

namespace sporehost::arch::x86_64 {

struct BootInfo {
  uint64_t entry_gpa = 0;
  std::span<const uint8_t> setup_header{}; // loader::SetupHeader::raw; empty for an ELF kernel
  std::string_view cmdline{};              // without NUL
  uint64_t initrd_gpa = 0;
  uint64_t initrd_size = 0; // 0: none
  bool acpi = true;         // put the RSDP's address into boot_params
};

using ZeroPage = std::array<uint8_t, kPage>;

// boot_params for `layout`. [any]
// Errors: SPORE_E_RANGE a map of more than 128 entries, a setup header that is too long, a command line without room.
[[nodiscard]] spore::Result<ZeroPage> make_zero_page(const BootInfo& info, const Layout& layout);

// Null, __BOOT_CS, __BOOT_DS, and a TSS, for hypervisors that refuse to enter without one. [any]
constexpr size_t kGdtEntries = 6;
[[nodiscard]] std::array<uint64_t, kGdtEntries> make_gdt();

// Identity map of the first 4 GiB in 2 MiB pages (1 GiB pages would need a CPU feature): 6 tables in a row for address
// kPageTables. The protocol asks for the kernel, boot_params and command line; initrd and tables lie in it as well.
// [any]
constexpr size_t kPageTableWords = 6 * kPage / sizeof(uint64_t);
[[nodiscard]] std::array<uint64_t, kPageTableWords> make_page_tables();

// The boot vCPU's registers for a start at `entry_gpa` in 64-bit mode with rsi = boot_params, interrupts off; whatever
// the protocol does not name is 0. All other vCPUs wait for a start-up IPI. [any]
[[nodiscard]] spore_x86_state make_boot_state(uint64_t entry_gpa);

// Writes GDT, page tables, command line and boot_params, and returns the registers that go with them. [main]
[[nodiscard]] spore::Result<spore_x86_state> write_boot(GuestWriter& guest, const BootInfo& info, const Layout& layout);

} // namespace sporehost::arch::x86_64
