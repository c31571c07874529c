// The EFI zboot image (CONFIG_EFI_ZBOOT): a PE program for firmware, which unpacks the kernel that it carries. Here the
// host unpacks it instead. Fedora and others ship arm64 kernels as such files.
// Spec: drivers/firmware/efi/libstub/zboot-header.S of Linux.
#pragma once

#include <sporehost/result.hpp>

#include "core/loader/bytes.hpp"

namespace sporehost::loader {

struct ZbootImage {
  uint16_t machine = 0; // of the PE header: 0xaa64 arm64, 0x8664 x86-64; 0 where there is no such header
  Bytes payload;        // the compressed kernel, in a form that decompress() reads; borrowed from the image
};

constexpr uint16_t kPeMachineArm64 = 0xaa64;

// "MZ", two zeros, "zimg". [any]
[[nodiscard]] bool looks_like_zboot(Bytes image);

// Reads and checks the header. [any]
// Errors: SPORE_E_INVALID damaged or truncated; SPORE_E_UNSUPPORTED a compression that cannot be read here.
[[nodiscard]] spore::Result<ZbootImage> parse_zboot(Bytes image);

} // namespace sporehost::loader
