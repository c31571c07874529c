// The configuration inside a kernel image (CONFIG_IKCONFIG).
#pragma once

#include <sporehost/result.hpp>

#include <optional>
#include <string>

#include "core/loader/kernel_image.hpp"

namespace sporehost::kernel {

// How the loader reads kernels of an architecture, x86_64 or arm64. [any]
[[nodiscard]] loader::KernelOptions loader_options(const std::string& arch);

// Its text. Nothing where the image carries none, or is compressed in a way that cannot be read here.
// Errors: those of loader::find_ikconfig, with the image's name. [main]
[[nodiscard]] spore::Result<std::optional<std::string>> embedded_config(const loader::KernelImage& kernel);

} // namespace sporehost::kernel
