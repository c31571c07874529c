// Asks the supplier of kernels for one: sporehost-kernel, a program of its own, which downloads, unpacks, builds,
// checks and fills the cache, and makes initrds (tools/managed-kernel). So the process that runs a guest has no
// downloader in it, and starts none where the kernel is ready.
#pragma once

#include "core/kernel/supply_wire.hpp"

namespace sporehost::kernel {

// Waits for it, for minutes where a kernel is built; progress goes to our standard error. A signal that asks us to end
// ends it first, with all that it started, and so does our own end. [main], one at a time
// Errors: the supplier's; SPORE_E_NOT_FOUND it is not here; SPORE_E_STATE a signal; SPORE_E_INTERNAL it has no answer.
[[nodiscard]] spore::Result<SupplyAnswer> ask_supplier(const SupplyCall& call);

} // namespace sporehost::kernel
