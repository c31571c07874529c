#include "core/planning/planning.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

#include "core/config/option_schema.hpp"
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

// The device that uses the elastic region, if there is one. Two are refused.
Result<const PluginUse*> elastic_device(const MachineConfig& config, plugin::Registry& registry) {
  const PluginUse* owner = nullptr;
  for (const PluginUse& use : config.devices) {
    SPORE_TRY(const plugin::Found found, find_device(registry, use, config.file));
    if (!uses_elastic_memory(*found.factory)) continue;
    if (owner != nullptr)
      return spore::fail(SPORE_E_EXISTS,
                         format_position(config.file, use.at) + ": " + one_owner(use.name, owner->name));
    owner = &use;
  }
  return owner;
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

Result<Chosen> choose_policy(const MachineConfig& config, plugin::Registry& registry) {
  const PluginUse& use = config.memory.policy;
  return choose(registry.find(SPORE_KIND_MEMORY_POLICY, use.plugin), use, config.file);
}

Result<void> make_policy(const MachineConfig& config, plugin::Registry& registry, Planned& planned) {
  const PluginUse& use = config.memory.policy;
  SPORE_TRY(const Chosen chosen, choose_policy(config, registry));
  planned.policy_host = std::make_unique<ObjectHost>(use.plugin, chosen.options, ObjectHost::Surroundings{});
  auto object = registry.create(chosen.found, *planned.policy_host->table(), chosen.options);
  if (!object) return object.error().in(format_position(config.file, use.at));
  planned.policy = std::make_unique<PolicyRunner>(std::move(*object));
  return {};
}

spore_memory_facts facts_of(const MachineConfig& config, bool elastic_device) {
  const HostMemory host = read_host_memory();
  return {.size = sizeof(spore_memory_facts),
          .kernel_origin = to_abi(config.boot.kernel.origin),
          .initrd_origin = to_abi(config.boot.initrd.origin),
          .capture = config.capture ? 1u : 0u,
          .resume = config.resume ? 1u : 0u,
          .kernel_can_grow = is_checked_to_grow(config) ? 1u : 0u,
          // Version 1 of the backend interface has no backend that cannot: map_memory is due at any time.
          .backend_can_grow = 1,
          .device_present = elastic_device ? 1u : 0u,
          .host_total_bytes = host.total,
          .host_available_bytes = host.available};
}

spore_memory_request request_of(const MachineConfig& config) {
  return {sizeof(spore_memory_request),
          config.memory.size ? static_cast<uint32_t>(SPORE_MEMORY_EXPLICIT) : static_cast<uint32_t>(SPORE_MEMORY_AUTO),
          config.memory.size.value_or(0)};
}

RehearsedPart part_of(const Chosen& chosen, const PluginUse& use, const std::string& file) {
  const std::string place = use.at.line == 0 ? std::string() : format_position(file, use.at);
  return {chosen.found.plugin->path,   chosen.found.factory->kind,
          chosen.found.factory->id,    use.name,
          std::string(chosen.options), place};
}

// Policy and devices as a run would make them, in a child.
Result<spore_memory_plan> rehearse_machine(const MachineConfig& config, plugin::Registry& registry) {
  Rehearsal rehearsal;
  SPORE_TRY(const Chosen policy, choose_policy(config, registry));
  rehearsal.policy = part_of(policy, config.memory.policy, config.file);
  SPORE_TRY(const PluginUse* const elastic, elastic_device(config, registry));
  for (const PluginUse& use : config.devices) {
    // An error of find_device has the place already.
    SPORE_TRY(const plugin::Found found, find_device(registry, use, config.file));
    SPORE_TRY(const Chosen chosen, choose(found, use, config.file));
    rehearsal.devices.push_back(part_of(chosen, use, config.file));
  }
  rehearsal.request = request_of(config);
  rehearsal.facts = facts_of(config, elastic != nullptr);
  SPORE_TRY(const Rehearsed done, rehearse(rehearsal));
  for (const plugin::Remark& remark : done.remarks)
    spdlog::warn("a plugin of this machine {}{}", remark.text, plugin::rule_text(remark.rule));
  return done.plan;
}

} // namespace

Result<Planned> make_plan(const MachineConfig& config, plugin::Registry& registry) {
  SPORE_CHECK(check_agent_device(config));
  Planned planned;
  SPORE_CHECK(choose_files(config, planned));
  SPORE_CHECK(make_policy(config, registry, planned));
  SPORE_TRY(const PluginUse* const elastic, elastic_device(config, registry));
  planned.facts = facts_of(config, elastic != nullptr);
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
  if (config.backend)
    SPORE_CHECK(choose(registry.find(SPORE_KIND_BACKEND, config.backend->plugin), *config.backend, config.file));
  SPORE_CHECK(rehearse_machine(config, registry));
  return check_agent_device(config);
}

} // namespace sporehost
