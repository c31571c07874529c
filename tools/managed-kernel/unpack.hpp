// What is inside a kernel is taken out when it enters the cache, not at each start.
//
// A release has a bzImage, whose payload takes a tenth of a second and more to decompress, and whose unpacked pages no
// two machines share. So the ELF kernel inside is put beside it as `vmlinux`, which is what machines then map. The
// bzImage stays: its digest is the published one, and kernel.release.sha256 pins it.
#pragma once

#include <sporehost/result.hpp>

#include <filesystem>
#include <string>

namespace sporehost::kernel::supply {

// Adds to an accepted kernel folder, with their digests in the file sha256: `config`, where the configuration is in the
// kernel alone; `vmlinux`, where the kernel is a bzImage, unless it is packed in a way that only the guest can unpack.
// [main] Errors: those of the loader and of writing.
[[nodiscard]] spore::Result<void> unpack_kernel(const std::filesystem::path& folder, const std::string& arch);

} // namespace sporehost::kernel::supply
