// The board's ACPI tables: RSDP, XSDT, FADT, MADT, DSDT, for a hardware-reduced platform. Spec: ACPI 6.5, chapter 5.
//
// Hardware-reduced: no SCI, no PM timer, no fixed registers to model; power-off and reset are two ports (board.hpp).
// A guest then does not use the PIC and PIT either, and needs a clock that needs no calibration against them: the
// backend's paravirtual clock or the TSC frequency in CPUID, and the TSC-deadline timer.
#pragma once

#include <sporehost/result.hpp>

#include <optional>
#include <span>
#include <vector>

#include "core/arch/guest_writer.hpp"
#include "core/arch/x86_64/aml.hpp"
#include "core/arch/x86_64/board.hpp"

namespace sporehost::arch::x86_64 {

struct AcpiConfig {
  uint32_t vcpus = 1;                         // APIC ids 0 .. vcpus - 1
  std::span<const MmioSlot> devices{};        // below 4 GiB; _UID by position
  std::span<const IoNode> io_devices{};       // those without an acpi_hid are left out
  bool serial = false;                        // COM1 is among them
  std::optional<uint32_t> power_button_gsi{}; // a pulse on it presses the power button (kPowerButtonGsi)
};

// All tables as one image for address kAcpiTables; the RSDP comes first. [any]
// Errors: SPORE_E_INVALID vCPU count, a virtio window above 4 GiB, a window that its space does not have, a GSI beyond
// the IOAPIC, a name that is no _HID; SPORE_E_RANGE too many devices.
[[nodiscard]] spore::Result<std::vector<uint8_t>> make_acpi(const AcpiConfig& config);

// make_acpi into the guest. [main]
[[nodiscard]] spore::Result<void> write_acpi(GuestWriter& guest, const AcpiConfig& config);

// The DSDT's body: \_SB with the devices, and \_S5. [any]
[[nodiscard]] aml::Code make_dsdt_body(const AcpiConfig& config);

} // namespace sporehost::arch::x86_64
