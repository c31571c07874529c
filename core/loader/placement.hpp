// Where kernel and initrd go in the guest's RAM. Pure arithmetic; addresses are GPAs, sizes bytes. [any]
#pragma once

#include <sporehost/result.hpp>

#include <span>

#include "core/base/page.hpp"
#include "core/loader/elf.hpp"

namespace sporehost::loader {

// Checks that every segment lies in [low, top): above what the board keeps for itself, and inside RAM.
// Errors: SPORE_E_RANGE, with the memory that would be needed.
[[nodiscard]] spore::Result<void> check_kernel_fits(std::span<const Segment> segments, uint64_t low, uint64_t top);

struct InitrdRequest {
  uint64_t ram_top = 0;                    // end of the RAM block that holds the kernel
  uint64_t size = 0;                       // > 0
  uint64_t addr_max = 0;                   // highest address of its last byte that the kernel accepts
  uint64_t kernel_end = 0;                 // KernelImage::end_gpa
  uint64_t page_bytes = host_page_bytes(); // its file is mapped into RAM, so it starts on a page of the host
};

// The GPA for the initrd: page-aligned and as high as allowed, so that the kernel has the most room to grow behind
// itself. Errors: SPORE_E_RANGE "initrd of N MiB does not fit into M MiB of RAM ...".
[[nodiscard]] spore::Result<uint64_t> place_initrd(const InitrdRequest& request);

} // namespace sporehost::loader
