// From a machine description to a decision, before anything exists: which files boot, and what the memory policy plans.
// A run makes its plan here, and `sporehost plan` and `check` rehearse it in a child, which makes the devices, too.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/config/machine_config.hpp"
#include "core/host/object_host.hpp"
#include "core/host/policy_runner.hpp"
#include "core/kernel/managed_kernel.hpp"
#include "core/plugin/registry.hpp"

namespace sporehost {

// A device of the description, found and with its options checked and complete.
struct PlannedDevice {
  std::string name;
  plugin::Found found;
  std::string options;
  std::string place; // "machine.yaml:3:11", for messages
};

struct Planned {
  std::string kernel;                           // path of the image
  std::optional<std::string> initrd;            // path
  std::optional<kernel::ManagedKernel> managed; // where kernel or initrd is managed
  std::vector<PlannedDevice> devices;
  spore_memory_facts facts{};
  MemoryPlan plan;
  std::unique_ptr<ObjectHost> policy_host; // outlives `policy`
  std::unique_ptr<PolicyRunner> policy;
};

// `probe` is what the backend said of itself. [main] No side effects beyond loading plugins. Errors say what, where and
// what to do.
spore::Result<Planned> make_plan(const MachineConfig& config, plugin::Registry& registry, const Probe& probe);

// The same for people who only want to know: nothing is loaded into this process, and `policy` stays empty. [main]
// Errors are those of a run, up to the point where it would make its VM.
spore::Result<Planned> rehearse_plan(const MachineConfig& config, plugin::Registry& registry);

// rehearse_plan without kernel and initrd, which need not be there yet; and the backend's options. [main]
spore::Result<void> check_plugins(const MachineConfig& config, plugin::Registry& registry);

} // namespace sporehost
