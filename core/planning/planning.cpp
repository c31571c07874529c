#include "core/planning/planning.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

#include "core/config/option_schema.hpp"
#include "core/host/backend_choice.hpp"
#include "core/host/device_set.hpp"
#include "core/host/rehearsal.hpp"

namespace sporehost {

using spore::Result;

namespace {

uint32_t to_abi(ArtifactOrigin origin) {
  switch (origin) {
    case ArtifactOrigin::managed:
      return SPORE_ORIGIN_MANAGED;
    case ArtifactOrigin::custom_config:
      return SPORE_ORIGIN_CUSTOM_CONFIG;
    case ArtifactOrigin::custom_option:
      return SPORE_ORIGIN_CUSTOM_OPTION;
    case ArtifactOrigin::custom_environment:
      return SPORE_ORIGIN_CUSTOM_ENVIRONMENT;
    case ArtifactOrigin::none:
      break;
  }
  return SPORE_ORIGIN_NONE;
}

Result<void> choose_files(const MachineConfig& config, Planned& planned) {
  const bool managed_kernel = config.boot.kernel.origin == ArtifactOrigin::managed;
  const bool managed_initrd = config.boot.initrd.origin == ArtifactOrigin::managed;
  if (managed_kernel || managed_initrd) {
    SPORE_TRY(planned.managed, kernel::find_managed_kernel(config.kernel));
    for (const std::string& sentence : planned.managed->stand_ins) spdlog::debug("managed kernel: {}", sentence);
  }
  planned.kernel = managed_kernel ? planned.managed->image : config.boot.kernel.path.string();
  if (managed_initrd) {
    if (!planned.managed->initrd)
      return spore::fail(SPORE_E_NOT_FOUND, "no managed initrd: '" + planned.managed->directory.string() +
                                                "/initrd.cpio' is missing; scripts/build-initrd makes it");
    planned.initrd = planned.managed->initrd;
  } else if (config.boot.initrd.origin != ArtifactOrigin::none) {
    planned.initrd = config.boot.initrd.path.string();
  }
  return {};
}

// Kernel and initrd are checked together: the kernel alone may rest on modules that only the managed initrd carries. A
// managed kernel that could not grow is not accepted in the first place.
bool is_checked_to_grow(const MachineConfig& config) {
  return config.boot.kernel.origin == ArtifactOrigin::managed && config.boot.initrd.origin == ArtifactOrigin::managed;
}

// A workload reaches the guest's agent through virtio-console. Whether a device of somebody else carries the agent's
// stream as well cannot be known before it is made; the project's own others do not.
Result<void> check_agent_device(const MachineConfig& config) {
  static constexpr std::array<std::string_view, 4> kOthers = {"virtio-mem", "virtio-rng", "serial-16550",
                                                              "serial-pl011"};
  if (config.workload.argv.empty()) return {};
  for (const PluginUse& use : config.devices)
    if (std::find(kOthers.begin(), kOthers.end(), use.plugin) == kOthers.end()) return {};
  return spore::fail(SPORE_E_INVALID, format_position(config.file, config.devices_at) +
                                          ": 'devices' has no virtio-console, which carries the workload to the guest; "
                                          "add it, or leave the workload out");
}

std::string place_of(const PluginUse& use, const std::string& file) {
  return use.at.line == 0 ? std::string() : format_position(file, use.at);
}

// A plugin's factory and its options, checked and complete. Errors have the place in the machine description, and those
// about the schema the plugin's file.
struct Chosen {
  plugin::Found found;
  std::string options;
};

Result<Chosen> choose(Result<plugin::Found> found, const PluginUse& use, const std::string& file) {
  if (!found) return found.error().in(format_position(file, use.at));
  const auto schema = OptionSchema::parse(found->factory->options_schema, use.plugin);
  if (!schema) return schema.error().in(format_position(file, use.at) + ": " + found->plugin->origin());
  SPORE_TRY(std::string options, schema->apply(use.options));
  return Chosen{*found, std::move(options)};
}

Result<std::vector<PlannedDevice>> choose_devices(const MachineConfig& config, plugin::Registry& registry) {
  std::vector<PlannedDevice> devices;
  for (const PluginUse& use : config.devices) {
    // An error of find_device has the place already.
    SPORE_TRY(const plugin::Found found, find_device(registry, use, config.file));
    SPORE_TRY(Chosen chosen, choose(found, use, config.file));
    devices.push_back({use.name, found, std::move(chosen.options), place_of(use, config.file)});
  }
  return devices;
}

// Whether a device uses the elastic region. Two are refused.
Result<bool> has_elastic_device(const std::vector<PlannedDevice>& devices) {
  const PlannedDevice* owner = nullptr;
  for (const PlannedDevice& device : devices) {
    if (!uses_elastic_memory(*device.found.factory)) continue;
    if (owner != nullptr)
      return spore::fail(SPORE_E_EXISTS,
                         (device.place.empty() ? "" : device.place + ": ") + one_owner(device.name, owner->name));
    owner = &device;
  }
  return owner != nullptr;
}

Result<Chosen> choose_policy(const MachineConfig& config, plugin::Registry& registry) {
  const PluginUse& use = config.memory.policy;
  return choose(registry.find(SPORE_KIND_MEMORY_POLICY, use.plugin), use, config.file);
}

Result<void> make_policy(const MachineConfig& config, plugin::Registry& registry, Planned& planned) {
  const PluginUse& use = config.memory.policy;
  SPORE_TRY(const Chosen chosen, choose_policy(config, registry));
  planned.policy_host = std::make_unique<ObjectHost>(use.plugin, chosen.options);
  auto object = registry.create(chosen.found, *planned.policy_host->table(), chosen.options);
  if (!object) return object.error().in(format_position(config.file, use.at));
  planned.policy = std::make_unique<PolicyRunner>(std::move(*object));
  return {};
}

spore_memory_facts facts_of(const MachineConfig& config, bool elastic_device) {
  const HostMemory host = read_host_memory();
  spore_memory_facts facts{};
  facts.size = sizeof facts;
  facts.kernel_origin = to_abi(config.boot.kernel.origin);
  facts.initrd_origin = to_abi(config.boot.initrd.origin);
  facts.capture = config.capture ? 1 : 0;
  facts.resume = config.resume ? 1 : 0;
  facts.kernel_can_grow = is_checked_to_grow(config) ? 1 : 0;
  facts.backend_can_grow = 1; // unless its probe says otherwise
  facts.device_present = elastic_device ? 1 : 0;
  facts.host_total_bytes = host.total;
  facts.host_available_bytes = host.available;
  return facts;
}

spore_memory_request request_of(const MachineConfig& config) {
  spore_memory_request request{};
  request.size = sizeof request;
  request.mode = config.memory.size ? SPORE_MEMORY_EXPLICIT : SPORE_MEMORY_AUTO;
  request.bytes = config.memory.size.value_or(0);
  return request;
}

RehearsedPart part_of(const plugin::Found& found, const std::string& name, const std::string& options,
                      const std::string& place) {
  return {found.plugin->path, found.factory->kind, found.factory->id, name, options, place};
}

// The backend of the description, or the one that would be asked first; that one may be missing.
Result<void> rehearse_backend(const MachineConfig& config, plugin::Registry& registry, Rehearsal& rehearsal) {
  const PluginUse use = config.backend.value_or(PluginUse{kUsualBackend, kUsualBackend, {}, {}});
  rehearsal.backend_may_fail = !config.backend;
  auto found = registry.find(SPORE_KIND_BACKEND, use.plugin);
  if (!found && !config.backend) return {};
  SPORE_TRY(const Chosen chosen, choose(std::move(found), use, config.file));
  rehearsal.backend = part_of(chosen.found, use.name, chosen.options, place_of(use, config.file));
  return {};
}

// Backend, policy and devices as a run would make them, in a child.
Result<MemoryPlan> rehearse_machine(const MachineConfig& config, plugin::Registry& registry) {
  Rehearsal rehearsal;
  SPORE_CHECK(rehearse_backend(config, registry, rehearsal));
  SPORE_TRY(const Chosen policy, choose_policy(config, registry));
  rehearsal.policy =
      part_of(policy.found, config.memory.policy.name, policy.options, place_of(config.memory.policy, config.file));
  SPORE_TRY(const std::vector<PlannedDevice> devices, choose_devices(config, registry));
  SPORE_TRY(const bool elastic, has_elastic_device(devices));
  for (const PlannedDevice& device : devices)
    rehearsal.devices.push_back(part_of(device.found, device.name, device.options, device.place));
  rehearsal.request = request_of(config);
  rehearsal.facts = facts_of(config, elastic);
  SPORE_TRY(const Rehearsed done, rehearse(rehearsal));
  for (const plugin::Remark& remark : done.remarks)
    spdlog::warn("a plugin of this machine {}{}", remark.text, plugin::rule_text(remark.rule));
  return done.plan;
}

} // namespace

Result<Planned> make_plan(const MachineConfig& config, plugin::Registry& registry, const Probe& probe) {
  SPORE_CHECK(check_agent_device(config));
  Planned planned;
  SPORE_CHECK(choose_files(config, planned));
  SPORE_CHECK(make_policy(config, registry, planned));
  SPORE_TRY(planned.devices, choose_devices(config, registry));
  SPORE_TRY(const bool elastic, has_elastic_device(planned.devices));
  planned.facts = with_probe(facts_of(config, elastic), probe);
  auto plan = planned.policy->plan(request_of(config), planned.facts);
  if (!plan) return plan.error().in(format_position(config.file, config.memory.policy.at));
  planned.plan = *plan;
  return planned;
}

Result<Planned> rehearse_plan(const MachineConfig& config, plugin::Registry& registry) {
  Planned planned;
  SPORE_CHECK(choose_files(config, planned));
  SPORE_TRY(planned.plan, rehearse_machine(config, registry));
  return planned;
}

Result<void> check_plugins(const MachineConfig& config, plugin::Registry& registry) {
  SPORE_CHECK(rehearse_machine(config, registry));
  return check_agent_device(config);
}

} // namespace sporehost
