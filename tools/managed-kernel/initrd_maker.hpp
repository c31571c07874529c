// The managed initrd that goes with a kernel: the guest agent, and the modules that the kernel needs.
#pragma once

#include "core/kernel/cache_entry.hpp"
#include "core/system/progress.hpp"

namespace sporehost::kernel::supply {

// Has scripts/build-initrd make it where initrd_place says, unless it is there. [main]
// Errors: SPORE_E_IO with what the script said.
[[nodiscard]] spore::Result<void> ensure_initrd(const KernelSettings& settings, const CacheEntry& entry,
                                                Progress& progress);

} // namespace sporehost::kernel::supply
