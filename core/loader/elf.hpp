// An ELF64 kernel (vmlinux): its loadable segments, entry points and notes. Nothing is copied.
// Spec: System V gABI chapters 4 and 5; PVH note: Xen's public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY.
#pragma once

#include <sporehost/result.hpp>

#include <vector>

#include "core/loader/bytes.hpp"

namespace sporehost::loader {

// One stretch of guest memory as the image wants it: `bytes` at `gpa`, then zeros up to `mem_size`.
struct Segment {
  uint64_t gpa = 0;
  Bytes bytes;           // borrowed from the image
  uint64_t mem_size = 0; // >= bytes.size(); gpa + mem_size does not overflow
};

struct ElfImage {
  uint16_t machine = 0;          // elf::kX86_64 or elf::kAarch64
  uint64_t entry = 0;            // inside the file-backed bytes of a segment
  std::vector<Segment> segments; // by gpa, not empty, without overlap
};

[[nodiscard]] bool looks_like_elf(Bytes image);

// Reads the program headers. Segments are placed at their physical addresses. The result borrows from `image`. [any]
// Errors: SPORE_E_UNSUPPORTED another class, byte order, machine or type; SPORE_E_INVALID damaged or truncated.
[[nodiscard]] spore::Result<ElfImage> parse_elf(Bytes image);

} // namespace sporehost::loader
