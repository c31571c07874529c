// The arm64 Image: its 64-byte header, checked.
// Spec: Documentation/arch/arm64/booting.rst of Linux, section 4 ("Call the kernel image").
#pragma once

#include <sporehost/result.hpp>

#include <optional>

#include "core/loader/bytes.hpp"

namespace sporehost::loader {

struct Arm64Header {
  uint64_t text_offset = 0;           // bytes from a 2 MiB boundary in RAM to the image's first byte, its entry
  uint64_t image_size = 0;            // bytes it uses from there, bss included; at least the file's length
  std::optional<uint32_t> page_bytes; // 4, 16 or 64 KiB; nothing where the kernel does not tell
};

constexpr uint64_t kArm64LoadAlign = uint64_t{2} << 20;

// Whether `image` carries the magic "ARM\x64"; says nothing of the rest. [any]
[[nodiscard]] bool looks_like_arm64_image(Bytes image);

// Reads and checks the header of a decompressed Image. [any]
// Errors: SPORE_E_UNSUPPORTED big-endian, or older than Linux 3.17; SPORE_E_INVALID damaged or truncated.
[[nodiscard]] spore::Result<Arm64Header> parse_arm64_image(Bytes image);

} // namespace sporehost::loader
