// Finds the managed kernel of a machine: in a folder that lies ready, in the cache, or else by way of the supplier.
#pragma once

#include <sporehost/result.hpp>

#include <string>

#include "core/kernel/managed_kernel.hpp"
#include "core/kernel/settings.hpp"

namespace sporehost::kernel {

struct ResolveRequest {
  std::string arch;     // empty: this machine's
  std::string source;   // only this one (its cached kernels count); empty: a folder, or else the configured sources
  bool offline = false; // fetch nothing, whatever the configuration says
  ManagedKernelConfig config; // the machine description's section `kernel:`
  Digests digests = Digests::compute;
};

// [main], one at a time
// Errors: SPORE_E_INVALID for a setting, or a wrong digest; SPORE_E_UNSUPPORTED for a configuration that lacks
// something; SPORE_E_NOT_FOUND where no source has a kernel, with each source and its reason; those of ask_supplier.
[[nodiscard]] spore::Result<ManagedKernel> resolve(const ResolveRequest& request);

// The same with settings at hand, from the sources alone. What the supplier put into the cache is read and checked here
// like everything else.
[[nodiscard]] spore::Result<ManagedKernel> resolve_from_sources(const KernelSettings& settings, Digests digests);

} // namespace sporehost::kernel
