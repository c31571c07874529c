// The kernel's command line, put together from its parts.
#pragma once

#include <sporehost/result.hpp>

#include <span>
#include <string>
#include <string_view>

#include "core/arch/x86_64/board.hpp"

namespace sporehost::arch::x86_64 {

// "virtio_mmio.device=4K@0xd0000000:5": announces a device to a kernel without ACPI
// (CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES). [any]
[[nodiscard]] std::string virtio_mmio_fragment(const MmioSlot& device);

// `base`, then `fragments`, one space between; what `base` has behind a lone "--" stays last, since it belongs to
// PID 1. `limit` is the kernel's: bytes without the NUL. [any] Errors: SPORE_E_RANGE longer than `limit`;
// SPORE_E_INVALID a NUL or a line break in it.
[[nodiscard]] spore::Result<std::string> assemble_cmdline(std::string_view base, std::span<const std::string> fragments,
                                                          size_t limit);

} // namespace sporehost::arch::x86_64
