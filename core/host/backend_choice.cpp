#include "core/host/backend_choice.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/config/option_schema.hpp"
#include "core/host/rehearsal.hpp"

namespace sporehost {

using spore::fail;
using spore::Result;

Result<ChosenBackend> make_backend(const PluginUse& use, plugin::Registry& registry, bool measure) {
  SPORE_TRY(const plugin::Found found, registry.find(SPORE_KIND_BACKEND, use.plugin));
  SPORE_TRY(const std::string options, validate_options(use.options, found.factory->options_schema, use.plugin));
  ChosenBackend chosen;
  chosen.id = use.plugin;
  chosen.host = std::make_unique<ObjectHost>(use.plugin, options);
  SPORE_TRY(plugin::PluginObject object, registry.create(found, *chosen.host->table(), options));
  chosen.backend = std::make_unique<Backend>(std::move(object));
  SPORE_TRY(chosen.probe, chosen.backend->probe(measure));
  return chosen;
}

std::vector<std::string> backend_ids(plugin::Registry& registry) {
  registry.scan();
  std::vector<std::string> ids;
  for (const plugin::Plugin* plugin : registry.plugins())
    for (const plugin::Factory& factory : plugin->descriptor.factories)
      if (factory.kind == SPORE_KIND_BACKEND && factory.shadowed_by.empty()) ids.push_back(factory.id);
  return ids;
}

Result<Probe> probe_in_child(const std::string& id, plugin::Registry& registry, bool measure) {
  registry.scan();
  for (const plugin::Plugin* plugin : registry.plugins())
    for (const plugin::Factory& factory : plugin->descriptor.factories) {
      if (factory.kind != SPORE_KIND_BACKEND || factory.id != id || !factory.shadowed_by.empty()) continue;
      auto options = validate_options({}, factory.options_schema, id);
      if (!options) return options.error().in(plugin->origin());
      Rehearsal rehearsal;
      rehearsal.backend = RehearsedPart{plugin->path, SPORE_KIND_BACKEND, id, id, std::move(*options), ""};
      rehearsal.measure = measure;
      SPORE_TRY(const Rehearsed done, rehearse(rehearsal));
      return done.probe;
    }
  return fail(SPORE_E_NOT_FOUND, "no plugin offers the backend '" + id + "'");
}

Result<ChosenBackend> choose_backend(const MachineConfig& config, plugin::Registry& registry) {
  if (config.backend) {
    auto named = make_backend(*config.backend, registry, false);
    if (!named) return named.error().in(format_position(config.file, config.backend->at));
    if (!named->probe.usable)
      return fail(SPORE_E_UNSUPPORTED, "backend '" + named->id + "' cannot be used here: " + named->probe.summary);
    if (!named->probe.fit_for_linux) spdlog::warn("backend '{}': {}", named->id, named->probe.summary);
    return named;
  }
  // The usual one first: a start then looks at one plugin only.
  std::string refused;
  const auto suits = [&](const Result<Probe>& probe, const std::string& id) {
    if (probe && probe->fit_for_linux) return true;
    refused += "; " + id + ": " + (probe ? probe->summary : probe.error().text);
    return false;
  };
  const auto make = [&](const std::string& id) { return make_backend(PluginUse{id, id, {}, {}}, registry, false); };
  const auto probed = [](const Result<ChosenBackend>& made) {
    return made ? Result<Probe>(made->probe) : Result<Probe>(made.error());
  };
  auto first = make(kUsualBackend);
  if (suits(probed(first), kUsualBackend)) return first;
  // The others are strangers to most machines: a child asks each, so that none which crashes or hangs is in the way.
  for (const std::string& id : backend_ids(registry)) {
    if (id == kUsualBackend || !suits(probe_in_child(id, registry, false), id)) continue;
    auto other = make(id);
    if (suits(probed(other), id)) return other;
  }
  return fail(SPORE_E_UNSUPPORTED,
              "no backend here is fit for a Linux guest" + refused + "; --backend ID takes one in spite of that");
}

} // namespace sporehost
