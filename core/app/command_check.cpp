// `check`, `plan` and `schema`: what can be said about a machine without starting it.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/app/common.hpp"
#include "core/base/size.hpp"
#include "core/config/machine_schema.hpp"
#include "core/planning/boot_check.hpp"
#include "core/planning/planning.hpp"

namespace sporehost::app {
namespace {

nlohmann::ordered_json to_json(const Planned& planned) {
  nlohmann::ordered_json json;
  json["ram_mib"] = planned.plan.boot_bytes / kMiB;
  json["virtio_mem_mib"] = planned.plan.region_bytes / kMiB;
  json["requested_mib"] = planned.plan.requested_bytes / kMiB;
  json["block_bytes"] = planned.plan.block_bytes;
  json["slot_bytes"] = planned.plan.slot_bytes;
  json["reason"] = planned.plan.reason;
  json["kernel"] = planned.kernel;
  if (planned.initrd) json["initrd"] = *planned.initrd;
  return json;
}

} // namespace

int check_config(const Arguments& arguments) {
  const auto config = load_config(arguments);
  if (!config) return complain(config.error());
  if (auto logging = set_up_logging(arguments, &*config); !logging) return complain(logging.error());
  plugin::Registry registry = make_registry(arguments, &*config);
  if (auto checked = check_boot(*config); !checked) return complain(checked.error());
  if (auto checked = check_plugins(*config, registry); !checked) return complain(checked.error());
  std::printf("%s: ok\n", config->file.c_str());
  return 0;
}

int show_plan(const Arguments& arguments) {
  const auto config = load_config(arguments);
  if (!config) return complain(config.error());
  if (auto logging = set_up_logging(arguments, &*config); !logging) return complain(logging.error());
  plugin::Registry registry = make_registry(arguments, &*config);
  const auto planned = rehearse_plan(*config, registry);
  if (!planned) return complain(planned.error());
  if (arguments.has("json")) {
    std::printf("%s\n", to_json(*planned).dump(2).c_str());
    return 0;
  }
  std::printf("ram_mib=%llu virtio_mem_mib=%llu\nreason: %s\nkernel: %s\ninitrd: %s\n",
              static_cast<unsigned long long>(planned->plan.boot_bytes / kMiB),
              static_cast<unsigned long long>(planned->plan.region_bytes / kMiB), planned->plan.reason.c_str(),
              planned->kernel.c_str(), planned->initrd ? planned->initrd->c_str() : "none");
  return 0;
}

int print_schema(const Arguments& arguments) {
  if (auto logging = set_up_logging(arguments, nullptr); !logging) return complain(logging.error());
  plugin::Registry registry = make_registry(arguments, nullptr);
  registry.scan();
  std::vector<PluginSchema> schemas;
  for (const plugin::Plugin* plugin : registry.plugins()) {
    if (!plugin::is_usable(plugin->state))
      std::fprintf(stderr, "sporehost: left out: %s %s%s\n", plugin->origin().c_str(), plugin->reason.c_str(),
                   plugin::rule_text(plugin->rule).c_str());
    for (const plugin::Factory& factory : plugin->descriptor.factories) {
      if (!factory.shadowed_by.empty()) continue;
      const PluginKind kind = factory.kind == SPORE_KIND_BACKEND         ? PluginKind::backend
                              : factory.kind == SPORE_KIND_MEMORY_POLICY ? PluginKind::memory_policy
                                                                         : PluginKind::device;
      schemas.push_back({kind, factory.id, factory.summary, factory.options_schema});
    }
  }
  std::string skipped;
  const auto merged = merged_machine_schema(base_machine_schema(), schemas, &skipped);
  if (!merged) return complain(merged.error());
  if (!skipped.empty()) std::fprintf(stderr, "sporehost: left out, with a broken schema: %s\n", skipped.c_str());
  std::printf("%s\n", merged->c_str());
  return 0;
}

} // namespace sporehost::app
