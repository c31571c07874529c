// The x86 bzImage: its setup header, and where its parts lie.
// Spec: Documentation/arch/x86/boot.rst of Linux, "The Real-Mode Kernel Header". Offsets are from the file's start, and
// from the start of boot_params, where the header has the same place.
#pragma once

#include <sporehost/result.hpp>

#include <vector>

#include "core/loader/bytes.hpp"

namespace sporehost::loader {

// The fields of the setup header that a loader needs, checked, and a copy of the header for boot_params.
struct SetupHeader {
  uint16_t protocol = 0;        // 0x0206: 2.06 and so on
  bool relocatable = false;     // the payload runs at any aligned address, not at pref_address alone
  uint32_t alignment = 0;       // kernel_alignment, bytes
  uint64_t pref_address = 0;    // where the kernel wants to run, a GPA
  uint32_t init_size = 0;       // bytes from there that it uses before it has read the memory map
  uint32_t cmdline_size = 0;    // longest command line in bytes, without its NUL
  uint64_t initrd_addr_max = 0; // highest GPA that the initrd's last byte may have
  std::vector<uint8_t> raw;     // 0x1f1 up to the header's own end
};

struct BzImage {
  SetupHeader header;
  Bytes protected_mode; // what the boot protocol loads at pref_address; its 64-bit entry is at 0x200
  Bytes payload;        // the compressed kernel in it
};

constexpr uint64_t kSetupHeaderOffset = 0x1f1;
constexpr uint64_t kEntry64Offset = 0x200;

// Whether `image` carries the boot sector's signature and "HdrS"; says nothing of the rest. [any]
[[nodiscard]] bool looks_like_bzimage(Bytes image);

// Reads and checks the header. The result borrows from `image`. [any]
// Errors: SPORE_E_UNSUPPORTED older than protocol 2.12, no 64-bit entry; SPORE_E_INVALID damaged or truncated.
[[nodiscard]] spore::Result<BzImage> parse_bzimage(Bytes image);

} // namespace sporehost::loader
