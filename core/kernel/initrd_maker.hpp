// The managed initrd that goes with a kernel folder: the guest agent, and the modules that the kernel needs.
#pragma once

#include <sporehost/result.hpp>

#include <filesystem>
#include <optional>
#include <string>

#include "core/kernel/progress.hpp"
#include "core/kernel/settings.hpp"

namespace sporehost::kernel {

// The path of <initrd_cache>/<key>-<agent>.cpio, where <agent> stands for this very agent file; scripts/build-initrd
// makes it when it is not there. Nothing where no agent or no script is here. [main]
// Errors: SPORE_E_IO with what the script said.
[[nodiscard]] spore::Result<std::optional<std::string>> ensure_initrd(const KernelSettings& settings,
                                                                      const std::string& key,
                                                                      const std::filesystem::path& kernel_folder,
                                                                      Progress& progress);

} // namespace sporehost::kernel
