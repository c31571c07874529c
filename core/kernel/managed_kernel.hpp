// The managed kernel: found in a folder of known shape, its configuration checked before it is accepted.
//
// The folder holds `vmlinux` (preferred: nothing to decompress) or `vmlinuz`, `config`, `release`, and `initrd.cpio`.
#pragma once

#include <sporehost/result.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/config/machine_config.hpp"
#include "core/kernel/kernel_config.hpp"

namespace sporehost::kernel {

struct ManagedKernel {
  std::filesystem::path directory;
  std::string image;                 // path of the kernel
  std::optional<std::string> initrd; // path of the managed initrd, if one has been built
  std::string release;               // "6.1.0-50-cloud-amd64"
  KernelConfig config;
  bool can_grow = false;              // virtio-mem and automatic onlining are there, or stood in for
  std::vector<std::string> stand_ins; // what stood in for what, one sentence each
  std::string cmdline;                // what the kernel needs on its command line for that
};

// Finds and checks the managed kernel. [main] Searched: `directory` of the machine description, SPOREHOST_MANAGED_DIR,
// managed/<arch> beside the executable's folder (a build tree, an installation), the user's cache.
// Errors: SPORE_E_NOT_FOUND with the folders and what to do; SPORE_E_UNSUPPORTED naming kernel, symbol and remedy.
spore::Result<ManagedKernel> find_managed_kernel(const ManagedKernelConfig& config);

// The check alone; fills can_grow, stand_ins and cmdline. [any]
spore::Result<void> check_managed_kernel(ManagedKernel& kernel);

} // namespace sporehost::kernel
