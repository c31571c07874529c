// `backend probe`: which hypervisors are usable here, why not, and how fast they are.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/app/common.hpp"
#include "core/host/backend_choice.hpp"

namespace sporehost::app {

int probe_backends(const Arguments& arguments) {
  if (auto logging = set_up_logging(arguments, nullptr); !logging) return complain(logging.error());
  plugin::Registry registry = make_registry(arguments, nullptr);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const std::string& id : backend_ids(registry)) {
    const auto probe = probe_in_child(id, registry, !arguments.has("no-measure"));
    nlohmann::ordered_json one;
    one["id"] = id;
    one["usable"] = probe.ok() && probe->usable != 0;
    one["fit_for_linux"] = probe.ok() && probe->fit_for_linux != 0;
    one["summary"] = probe.ok() ? std::string(probe->summary) : probe.error().text;
    if (probe.ok()) {
      one["instructions_per_second"] = probe->instructions_per_second;
      one["vcpus_max"] = probe->vcpus_max;
      one["guest_address_bits"] = probe->guest_address_bits;
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
