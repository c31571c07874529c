// Supplies a managed kernel: puts the first one from the configured sources, in their order, that passes all checks
// into the cache, with its initrd, unless it is there already.
//
// `cache` among the sources stands for what the other sources put there before. A source that is not available (no
// network, no such file) is passed over and named in the notes; one that delivers bad goods (wrong digest, missing
// symbol) ends it: a kernel other than the configured one is never taken in silence because of damage or tampering.
#pragma once

#include <sporehost/result.hpp>

#include <string>

#include "core/kernel/managed_kernel.hpp"
#include "core/kernel/settings.hpp"
#include "core/system/progress.hpp"
#include "tools/managed-kernel/http.hpp"

namespace sporehost::kernel::supply {

struct Supplied {
  std::string source; // the source's name
  std::string key;    // of the entry
  ManagedKernel kernel;
};

// [main] Errors: SPORE_E_INVALID a wrong digest; SPORE_E_UNSUPPORTED a configuration that lacks something;
// SPORE_E_NOT_FOUND where no source has a kernel, with each source and its reason.
[[nodiscard]] spore::Result<Supplied> supply_kernel(const KernelSettings& settings, const HttpOptions& http,
                                                    Digests digests, Progress& progress);

} // namespace sporehost::kernel::supply
