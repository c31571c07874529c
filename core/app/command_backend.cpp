// `backend probe`: which hypervisors are usable here, why not, and how fast they are.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/app/common.hpp"
#include "core/config/option_schema.hpp"
#include "core/machine/backend_choice.hpp"
#include "core/machine/rehearsal.hpp"

namespace sporehost::app {

namespace {

// What one backend says of itself, in a child.
spore::Result<Rehearsed> probe(plugin::Registry& registry, const std::string& id, bool measure) {
  SPORE_TRY(const plugin::Found found, registry.find(SPORE_KIND_BACKEND, id));
  auto options = validate_options({}, found.factory->options_schema, id);
  if (!options) return options.error().in(found.plugin->origin());
  Rehearsal rehearsal;
  rehearsal.backend = RehearsedPart{found.plugin->path, SPORE_KIND_BACKEND, id, id, std::move(*options), ""};
  rehearsal.measure = measure;
  return rehearse(rehearsal);
}

} // namespace

int probe_backends(const Arguments& arguments) {
  if (auto logging = set_up_logging(arguments, nullptr); !logging) return complain(logging.error());
  plugin::Registry registry = make_registry(arguments, nullptr);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const std::string& id : backend_ids(registry)) {
    const auto made = probe(registry, id, !arguments.has("no-measure"));
    nlohmann::ordered_json one;
    one["id"] = id;
    one["usable"] = made.ok() && made->probe.usable != 0;
    one["fit_for_linux"] = made.ok() && made->probe.fit_for_linux != 0;
    one["summary"] = made.ok() ? std::string(made->probe.summary) : made.error().text;
    if (made.ok()) {
      one["instructions_per_second"] = made->probe.instructions_per_second;
      one["vcpus_max"] = made->probe.vcpus_max;
      one["guest_address_bits"] = made->probe.guest_address_bits;
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
