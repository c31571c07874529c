// What a PC's processor would run after a reset: the only code of the board's own.
//
// Linux resets a machine that has ACPI's hardware-reduced flag by EFI (arch/x86/kernel/reboot.c, efi_reboot_required);
// there is no EFI here, so it goes back to real mode and jumps to the BIOS, at f000:fff0. The command line says
// reboot=a (the ACPI register) to spare it that; a kernel that goes the other way, since its command line says so,
// finds ten bytes there that write the reset register.
#pragma once

#include <array>
#include <cstdint>

#include "core/arch/guest_writer.hpp"

namespace sporehost::arch::x86_64 {

// The 16-bit code for kResetVector; position-independent. [any]
[[nodiscard]] std::array<uint8_t, 10> make_reset_vector();

// make_reset_vector into the guest. [main]
[[nodiscard]] spore::Result<void> write_reset_vector(GuestWriter& guest);

} // namespace sporehost::arch::x86_64
