// `backend probe`: which hypervisors are usable here, why not, and how fast they are.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/app/common.hpp"
#include "core/host/backend_choice.hpp"

namespace sporehost::app {

namespace {

std::vector<std::string> capability_names(const Probe& probe) {
  static constexpr std::pair<uint64_t, const char*> kNames[] = {{SPORE_CAN_GROW, "grow"},
                                                                {SPORE_CAN_READ_ONLY, "read-only"},
                                                                {SPORE_CAN_DOORBELL, "doorbell"},
                                                                {SPORE_CAN_IRQCHIP, "irqchip"},
                                                                {SPORE_CAN_LEVEL, "level"}};
  std::vector<std::string> names;
  for (const auto& [capability, name] : kNames)
    if (probe.can(capability)) names.emplace_back(name);
  return names;
}

} // namespace

int probe_backends(const Arguments& arguments) {
  if (auto logging = set_up_logging(arguments, nullptr); !logging) return complain(logging.error());
  plugin::Registry registry = make_registry(arguments, nullptr);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const std::string& id : backend_ids(registry)) {
    const auto probe = probe_in_child(id, registry, !arguments.has("no-measure"));
    nlohmann::ordered_json one;
    one["id"] = id;
    one["usable"] = probe.ok() && probe->usable;
    one["fit_for_linux"] = probe.ok() && probe->fit_for_linux;
    one["summary"] = probe.ok() ? probe->summary : probe.error().text;
    if (probe.ok()) {
      one["instructions_per_second"] = probe->instructions_per_second;
      one["vcpus_max"] = probe->vcpus_max;
      one["guest_address_bits"] = probe->guest_address_bits;
      one["page_bytes"] = probe->page_bytes;
      one["memory_slots_max"] = probe->memory_slots_max;
      one["capabilities"] = capability_names(*probe);
    }
    all.push_back(one);
  }
  if (arguments.has("json")) {
    std::printf("%s\n", all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
    return 0;
  }
  if (all.empty()) std::printf("no backend plugin is here; searched %s\n", registry.search_path().text().c_str());
  for (const auto& one : all)
    std::printf("%s: usable: %s, fit for Linux: %s\n  %s\n", one["id"].get<std::string>().c_str(),
                one["usable"].get<bool>() ? "yes" : "no", one["fit_for_linux"].get<bool>() ? "yes" : "no",
                one["summary"].get<std::string>().c_str());
  return 0;
}

} // namespace sporehost::app
