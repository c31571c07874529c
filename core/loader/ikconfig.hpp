// The kernel's configuration as CONFIG_IKCONFIG embeds it: "IKCFG_ST", a gzip stream, "IKCFG_ED" (kernel/configs.c).
#pragma once

#include <sporehost/result.hpp>

#include <optional>
#include <string>

#include "core/loader/bytes.hpp"

namespace sporehost::loader {

// The embedded .config, or nothing when the image carries none. `image` is decompressed (KernelImage::vmlinux). [any]
// Errors: SPORE_E_INVALID or SPORE_E_RANGE when there is one and it cannot be read.
[[nodiscard]] spore::Result<std::optional<std::string>> find_ikconfig(Bytes image);

} // namespace sporehost::loader
