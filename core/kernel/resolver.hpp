// The resolver of managed kernels: the first kernel, from the configured sources in their order, that passes all
// checks.
//
// `cache` among the sources stands for what the other sources put there before. A source that is not available (no
// network, no such file) is passed over and named in the notes; one that delivers bad goods (wrong digest, missing
// symbol) ends the resolution: a kernel other than the configured one is never taken in silence because of damage or
// tampering.
#pragma once

#include <sporehost/result.hpp>

#include <string>

#include "core/kernel/managed_kernel.hpp"
#include "core/kernel/progress.hpp"
#include "core/kernel/settings.hpp"

namespace sporehost::kernel {

struct ResolveRequest {
  std::string arch;     // empty: this machine's
  std::string source;   // only this one (its cached kernels count); empty: a folder, or else the configured sources
  bool offline = false; // fetch nothing, whatever the configuration says
  ManagedKernelConfig config; // the machine description's section `kernel:`
  Digests digests = Digests::compute;
};

// `progress` may be null. [main]
// Errors: SPORE_E_INVALID for a setting, or a wrong digest; SPORE_E_UNSUPPORTED for a configuration that lacks
// something; SPORE_E_NOT_FOUND where no source has a kernel, with each source and its reason.
[[nodiscard]] spore::Result<ManagedKernel> resolve(const ResolveRequest& request, Progress* progress = nullptr);

// The same with settings at hand, from the sources alone. [main]
[[nodiscard]] spore::Result<ManagedKernel> resolve_from_sources(const KernelSettings& settings, Digests digests,
                                                                Progress& progress);

} // namespace sporehost::kernel
