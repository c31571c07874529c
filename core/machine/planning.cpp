#include "core/machine/planning.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/config/option_schema.hpp"
#include "core/machine/device_set.hpp"

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

// Kernel and initrd were checked together: the kernel alone may rest on modules that only the managed initrd carries.
// `planned.managed` is also there where just one of them is the project's.
bool checked_to_grow(const MachineConfig& config, const Planned& planned) {
  return config.boot.kernel.origin == ArtifactOrigin::managed && config.boot.initrd.origin == ArtifactOrigin::managed &&
         planned.managed && planned.managed->can_grow;
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

Result<void> make_policy(const MachineConfig& config, plugin::Registry& registry, Planned& planned) {
  const PluginUse& use = config.memory.policy;
  const auto found = registry.find(SPORE_KIND_MEMORY_POLICY, use.plugin);
  if (!found) return found.error().in(format_position(config.file, use.at));
  SPORE_TRY(const std::string options, validate_options(use.options, found->factory->options_schema, use.plugin));
  planned.policy_host = std::make_unique<ObjectHost>(use.plugin, options, ObjectHost::Surroundings{});
  SPORE_TRY(plugin::PluginObject object, registry.create(*found, *planned.policy_host->table(), options));
  planned.policy = std::make_unique<PolicyRunner>(std::move(object));
  return {};
}

} // namespace

Result<Planned> make_plan(const MachineConfig& config, plugin::Registry& registry) {
  Planned planned;
  SPORE_CHECK(choose_files(config, planned));
  SPORE_CHECK(make_policy(config, registry, planned));
  SPORE_TRY(const PluginUse* const elastic, elastic_device(config, registry));
  const HostMemory host = read_host_memory();
  planned.facts = {.size = sizeof(spore_memory_facts),
                   .kernel_origin = to_abi(config.boot.kernel.origin),
                   .initrd_origin = to_abi(config.boot.initrd.origin),
                   .capture = config.capture ? 1u : 0u,
                   .resume = config.resume ? 1u : 0u,
                   .kernel_can_grow = checked_to_grow(config, planned) ? 1u : 0u,
                   // Version 1 of the backend interface has no backend that cannot: map_memory is due at any time.
                   .backend_can_grow = 1,
                   .device_present = elastic != nullptr ? 1u : 0u,
                   .host_total_bytes = host.total,
                   .host_available_bytes = host.available};
  const spore_memory_request request{
      sizeof(spore_memory_request),
      config.memory.size ? static_cast<uint32_t>(SPORE_MEMORY_EXPLICIT) : static_cast<uint32_t>(SPORE_MEMORY_AUTO),
      config.memory.size.value_or(0)};
  SPORE_TRY(planned.plan, planned.policy->plan(request, planned.facts));
  return planned;
}

Result<void> check_plugins(const MachineConfig& config, plugin::Registry& registry) {
  for (const PluginUse& use : config.devices) {
    SPORE_TRY(const plugin::Found found, find_device(registry, use, config.file));
    SPORE_CHECK(validate_options(use.options, found.factory->options_schema, use.plugin));
  }
  SPORE_CHECK(elastic_device(config, registry));
  if (config.backend) {
    const auto found = registry.find(SPORE_KIND_BACKEND, config.backend->plugin);
    if (!found) return found.error().in(format_position(config.file, config.backend->at));
    SPORE_CHECK(validate_options(config.backend->options, found->factory->options_schema, config.backend->plugin));
  }
  Planned planned;
  return make_policy(config, registry, planned);
}

} // namespace sporehost
