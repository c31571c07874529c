// The workload of a machine description as the guest's agent gets it, and whether the agent can take it.
#pragma once

#include <sporehost/result.hpp>

#include "core/config/machine_config.hpp"
#include "guest/protocol/messages.hpp"

namespace sporehost {

[[nodiscard]] guest::Run workload_request(const WorkloadConfig& workload);

// Found before the guest boots, with the place in the description: more arguments, variables or bytes than fit into the
// one frame that carries a workload, a NUL, a variable without a name. SPORE_E_INVALID. No workload is none to refuse.
[[nodiscard]] spore::Result<void> check_workload(const MachineConfig& config);

} // namespace sporehost
