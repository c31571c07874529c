// The configuration inside a kernel image (CONFIG_IKCONFIG).
#pragma once

#include <sporehost/result.hpp>

#include <optional>
#include <string>

#include "core/kernel/kernel_config.hpp"
#include "core/loader/kernel_image.hpp"

namespace sporehost::kernel {

// How the loader reads kernels of an architecture, x86_64 or arm64. [any]
[[nodiscard]] loader::KernelOptions loader_options(const std::string& arch);

// Nothing where the image carries none, or is compressed in a way that cannot be read here. `arch`: x86_64 or arm64.
// Errors: those of loader::load_kernel and loader::find_ikconfig, a damaged image among them. [main]
[[nodiscard]] spore::Result<std::optional<KernelConfig>> embedded_config(const std::string& image,
                                                                         const std::string& arch);

} // namespace sporehost::kernel
