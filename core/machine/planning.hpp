// From a machine description to a decision, before anything exists: which files boot, and what the memory policy plans.
// `sporehost plan` and a run both go through here.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/config/machine_config.hpp"
#include "core/kernel/managed_kernel.hpp"
#include "core/machine/object_host.hpp"
#include "core/machine/policy_runner.hpp"
#include "core/plugin/registry.hpp"

namespace sporehost {

struct Planned {
  std::string kernel;                           // path of the image
  std::optional<std::string> initrd;            // path
  std::optional<kernel::ManagedKernel> managed; // where kernel or initrd is managed
  spore_memory_facts facts{};
  spore_memory_plan plan{};
  std::unique_ptr<ObjectHost> policy_host; // outlives `policy`
  std::unique_ptr<PolicyRunner> policy;
};

// [main] No side effects beyond loading plugins. Errors say what, where and what to do.
spore::Result<Planned> make_plan(const MachineConfig& config, plugin::Registry& registry);

// Loads the policy and every device's plugin and checks their options, without making anything. [main]
spore::Result<void> check_plugins(const MachineConfig& config, plugin::Registry& registry);

} // namespace sporehost
