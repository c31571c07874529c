// What `check` can say of kernel, initrd, command line and memory without a machine: what a run would refuse later, and
// where the description asks for it.
#pragma once

#include <sporehost/result.hpp>

#include "core/config/machine_config.hpp"

namespace sporehost {

// SPORE_E_INVALID and the loader's statuses: a size that no board takes, a kernel or initrd of one's own that cannot be
// read, a command line that is too long for the kernel. [main]
[[nodiscard]] spore::Result<void> check_boot(const MachineConfig& config);

} // namespace sporehost
