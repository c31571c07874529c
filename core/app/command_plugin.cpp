// `plugin list`, `plugin inspect` and `plugin check`.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/app/common.hpp"
#include "core/base/text.hpp"
#include "core/config/option_schema.hpp"
#include "core/machine/object_host.hpp"
#include "core/plugin/describe.hpp"

namespace sporehost::app {
namespace {

using spore::fail;
using spore::Result;

void print_row(const plugin::Plugin& plugin) {
  if (!plugin::is_usable(plugin.state)) {
    std::printf("%-24s %-14s %s: %s\n", "-", std::string(plugin::name_of(plugin.state)).c_str(), plugin.path.c_str(),
                plugin.reason.c_str());
    return;
  }
  for (const plugin::Factory& factory : plugin.descriptor.factories) {
    const std::string note = factory.shadowed_by.empty() ? "" : " (not used: taken from " + factory.shadowed_by + ")";
    std::printf("%-24s %-14s %s [%s %s]%s\n", factory.id.c_str(), std::string(plugin::kind_name(factory.kind)).c_str(),
                factory.summary.c_str(), plugin.path.c_str(), plugin.descriptor.version.c_str(), note.c_str());
  }
}

// A plugin by the path of its file, or by the id of something that it makes.
Result<const plugin::Plugin*> find_plugin(plugin::Registry& registry, const std::string& what) {
  if (what.find('/') != std::string::npos || what.ends_with(".so")) return &registry.load_file(what);
  registry.scan();
  std::vector<std::string> ids;
  for (const plugin::Plugin* plugin : registry.plugins()) {
    if (plugin->descriptor.id == what) return plugin;
    for (const plugin::Factory& factory : plugin->descriptor.factories) {
      if (factory.id == what) return plugin;
      ids.push_back(factory.id);
    }
  }
  return fail(SPORE_E_NOT_FOUND,
              "no plugin " + quote(what) + did_you_mean(what, ids) + "; searched " + registry.search_path().text());
}

// The one plugin that the command line names.
Result<const plugin::Plugin*> named_plugin(plugin::Registry& registry, const Arguments& arguments) {
  if (arguments.rest.size() == 1) return find_plugin(registry, arguments.rest.front());
  return fail(SPORE_E_INVALID, std::string("'sporehost ") + arguments.command->name +
                                   "' takes one plugin: an id such as virtio-mem, or the path of a file");
}

spore::Error refusal(const plugin::Plugin& plugin) {
  return fail(SPORE_E_INVALID, "plugin '" + plugin.path.string() + "': " + plugin.reason);
}

} // namespace

int list_plugins(const Arguments& arguments) {
  plugin::Registry registry = make_registry(arguments, nullptr);
  registry.scan();
  if (arguments.has("json")) {
    std::printf("%s\n", plugin::describe(registry).dump(2).c_str());
    return 0;
  }
  for (const plugin::Plugin* plugin : registry.plugins()) print_row(*plugin);
  std::printf("searched: %s\n", registry.search_path().text().c_str());
  return 0;
}

int inspect_plugin(const Arguments& arguments) {
  plugin::Registry registry = make_registry(arguments, nullptr);
  const auto found = named_plugin(registry, arguments);
  if (!found) return complain(found.error());
  const plugin::Plugin& plugin = **found;
  if (arguments.has("json")) {
    std::printf("%s\n", plugin::describe(plugin).dump(2).c_str());
    return plugin::is_usable(plugin.state) ? 0 : kExitHost;
  }
  if (!plugin::is_usable(plugin.state)) return complain(refusal(plugin));
  std::printf("plugin:  %s %s\nfile:    %s\nABI:     %u.%u, %s\n", plugin.descriptor.id.c_str(),
              plugin.descriptor.version.c_str(), plugin.path.c_str(), plugin.descriptor.abi_major,
              plugin.descriptor.abi_minor, std::string(plugin::arch_name(plugin.descriptor.arch)).c_str());
  for (const plugin::Factory& factory : plugin.descriptor.factories) {
    std::printf("\n%s: %s\n  %s\n  options: %s\n", std::string(plugin::kind_name(factory.kind)).c_str(),
                factory.id.c_str(), factory.summary.c_str(),
                nlohmann::json::parse(factory.options_schema, nullptr, false).dump(2).c_str());
  }
  return 0;
}

// Everything that can be checked without a machine: the file, the descriptor, each schema with its defaults.
int check_plugin(const Arguments& arguments) {
  plugin::Registry registry = make_registry(arguments, nullptr);
  const auto found = named_plugin(registry, arguments);
  if (!found) return complain(found.error());
  const plugin::Plugin& plugin = **found;
  if (!plugin::is_usable(plugin.state)) return complain(refusal(plugin));
  for (const plugin::Factory& factory : plugin.descriptor.factories)
    if (auto schema = OptionSchema::parse(factory.options_schema, factory.id); !schema)
      return complain(schema.error().in(plugin.origin()));
  std::printf("%s: ok\n", plugin.path.c_str());
  return 0;
}

} // namespace sporehost::app
