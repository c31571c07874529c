// MP table: CPUs, buses, IOAPIC and interrupts, for kernels without ACPI (CONFIG_X86_MPPARSE).
// Spec: Intel MultiProcessor Specification 1.4, chapter 4.
#pragma once

#include <sporehost/result.hpp>

#include <span>
#include <vector>

#include "core/arch/guest_writer.hpp"
#include "core/arch/x86_64/board.hpp"

namespace sporehost::arch::x86_64 {

// The floating pointer is found by search at kEbda; it leads to the configuration table at kMpConfig.
struct MpTable {
  std::vector<uint8_t> pointer;
  std::vector<uint8_t> config;
};

// Every pin of the IOAPIC carries the ISA interrupt of its own number, edge-triggered and active-high as ISA interrupts
// are, but for `level_gsis`, which are levels and active-high; virtio-mmio devices, named by number on the command
// line, are found that way too. [any] Errors: SPORE_E_INVALID a vCPU count the board does not take.
[[nodiscard]] spore::Result<MpTable> make_mptable(uint32_t vcpus, std::span<const uint32_t> level_gsis = {});

// make_mptable into the guest. [main]
[[nodiscard]] spore::Result<void> write_mptable(GuestWriter& guest, uint32_t vcpus,
                                                std::span<const uint32_t> level_gsis = {});

} // namespace sporehost::arch::x86_64
