// `plugin list`, `plugin inspect` and `plugin check`. No plugin gets into this process: see core/plugin/child.hpp.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/app/common.hpp"
#include "core/base/size.hpp"
#include "core/base/text.hpp"
#include "core/config/option_schema.hpp"
#include "core/host/rehearsal.hpp"
#include "core/plugin/describe.hpp"

namespace sporehost::app {
namespace {

using spore::fail;
using spore::Result;

std::string shown(const std::filesystem::path& path) {
  return printable(path.string());
}

void print_row(const plugin::Plugin& plugin) {
  if (!plugin::is_usable(plugin.state))
    std::printf("%-24s %-14s %s: %s%s\n", "-", std::string(plugin::name_of(plugin.state)).c_str(),
                shown(plugin.path).c_str(), plugin.reason.c_str(), plugin::rule_text(plugin.rule).c_str());
  for (const plugin::Factory& factory : plugin.descriptor.factories) {
    const std::string note =
        factory.shadowed_by.empty() ? "" : " (not used: taken from " + printable(factory.shadowed_by) + ")";
    std::printf("%-24s %-14s %s [%s %s]%s\n", factory.id.c_str(), std::string(plugin::kind_name(factory.kind)).c_str(),
                factory.summary.c_str(), shown(plugin.path).c_str(), plugin.descriptor.version.c_str(), note.c_str());
  }
  for (const plugin::Remark& remark : plugin.remarks)
    std::printf("%-24s %-14s %s %s%s\n", "", "  note:", shown(plugin.path).c_str(), remark.text.c_str(),
                plugin::rule_text(remark.rule).c_str());
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
  std::string unusable;
  for (const plugin::Plugin* plugin : registry.plugins())
    if (!plugin::is_usable(plugin->state) && plugin->path.stem() == what)
      unusable += "; cannot be used: " + plugin->path.string() + " " + plugin->reason + plugin::rule_text(plugin->rule);
  return fail(SPORE_E_NOT_FOUND, "no plugin " + quote(what) + did_you_mean(what, ids) + "; searched " +
                                     registry.search_path().text() + unusable);
}

spore::Error refusal(const plugin::Plugin& plugin) {
  return fail(SPORE_E_INVALID,
              "plugin '" + shown(plugin.path) + "': " + plugin.reason + plugin::rule_text(plugin.rule));
}

// ---- plugin check --------------------------------------------------------------------------------------------------

// A broken rule is named by its number wherever it is found; a plugin that merely says no has broken none.
bool breaks_a_rule(const std::string& text) {
  return text.find("(SDK-") != std::string::npos || text.find("plan is unusable") != std::string::npos ||
         text.find("SPOREHOST_PLUGIN_TIMEOUT") != std::string::npos ||
         text.find("ended the process") != std::string::npos ||
         text.find("could not be looked at") != std::string::npos; // the host's trouble, and yet nothing is checked
}

// What a policy is asked for a trial: a managed machine that can grow, one that cannot, and a size that was given.
std::vector<std::pair<spore_memory_request, spore_memory_facts>> memory_questions() {
  spore_memory_facts facts{};
  facts.size = sizeof facts;
  facts.kernel_can_grow = facts.backend_can_grow = facts.device_present = 1;
  facts.host_total_bytes = 16 * kGiB;
  facts.host_available_bytes = 8 * kGiB;
  spore_memory_facts custom = facts;
  custom.kernel_origin = SPORE_ORIGIN_CUSTOM_OPTION;
  custom.kernel_can_grow = 0;
  const spore_memory_request any{sizeof any, SPORE_MEMORY_AUTO, 0};
  const spore_memory_request given{sizeof given, SPORE_MEMORY_EXPLICIT, kGiB};
  return {{any, facts}, {any, custom}, {given, facts}};
}

// The rehearsals that show what a factory's objects do.
std::vector<Rehearsal> trials(const plugin::Plugin& plugin, const plugin::Factory& factory,
                              const std::string& options) {
  const RehearsedPart part{plugin.path, factory.kind, factory.id, factory.id, options, ""};
  std::vector<Rehearsal> all;
  if (factory.kind == SPORE_KIND_MEMORY_POLICY)
    for (const auto& [request, facts] : memory_questions()) all.push_back({part, request, facts, {}, {}, false});
  else if (factory.kind == SPORE_KIND_BACKEND)
    all.push_back({{}, {}, {}, {}, part, false});
  else
    all.push_back({{}, {}, {}, {part}, {}, false});
  return all;
}

// false: a rule is broken, and the message is printed. `notes` gets what is worth a word.
bool check_factory(const plugin::Plugin& plugin, const plugin::Factory& factory, std::vector<std::string>& notes) {
  const auto options = validate_options({}, factory.options_schema, factory.id);
  const std::string what = std::string(plugin::kind_name(factory.kind)) + " " + quote(factory.id);
  if (!options) {
    notes.push_back(what + " was not made: it needs options (" + options.error().text + ")");
    return true;
  }
  for (const Rehearsal& trial : trials(plugin, factory, *options)) {
    const auto done = rehearse(trial);
    if (!done && breaks_a_rule(done.error().text)) return complain(done.error()), false;
    if (!done) notes.push_back(what + " says no: " + done.error().text);
    if (!done) return true;
    if (done->remarks.empty()) continue;
    const plugin::Remark& remark = done->remarks.front();
    complain(fail(SPORE_E_INVALID,
                  "plugin '" + shown(plugin.path) + "': " + what + " " + remark.text + plugin::rule_text(remark.rule)));
    return false;
  }
  return true;
}

int check_one(const plugin::Plugin& plugin) {
  if (!plugin::is_usable(plugin.state)) return complain(refusal(plugin));
  std::vector<std::string> notes;
  bool sound = true;
  for (const plugin::Remark& remark : plugin.remarks) {
    if (remark.rule == 0) {
      notes.push_back(remark.text);
      continue;
    }
    complain(
        fail(SPORE_E_INVALID, "plugin '" + shown(plugin.path) + "' " + remark.text + plugin::rule_text(remark.rule)));
    sound = false;
  }
  for (const plugin::Factory& factory : plugin.descriptor.factories)
    if (!plugin::kind_name(factory.kind).empty()) sound = check_factory(plugin, factory, notes) && sound;
  if (!sound) return kExitHost;
  std::printf("%s: ok\n", shown(plugin.path).c_str());
  for (const std::string& note : notes)
    std::printf("%s: note: %s\n", shown(plugin.path).c_str(), printable(note).c_str());
  return 0;
}

} // namespace

int list_plugins(const Arguments& arguments) {
  if (auto logging = set_up_logging(arguments, nullptr); !logging) return complain(logging.error());
  plugin::Registry registry = make_registry(arguments, nullptr);
  registry.scan();
  if (arguments.has("json")) {
    std::printf("%s\n", plugin::describe(registry).dump(2).c_str());
    return 0;
  }
  for (const plugin::Plugin* plugin : registry.plugins()) print_row(*plugin);
  std::printf("searched: %s\n", printable(registry.search_path().text()).c_str());
  return 0;
}

int inspect_plugin(const Arguments& arguments) {
  if (auto logging = set_up_logging(arguments, nullptr); !logging) return complain(logging.error());
  plugin::Registry registry = make_registry(arguments, nullptr);
  if (arguments.rest.size() != 1)
    return complain(
        fail(SPORE_E_INVALID,
             "'sporehost plugin inspect' takes one plugin: an id such as virtio-mem, or the path of a file"));
  const auto found = find_plugin(registry, arguments.rest.front());
  if (!found) return complain(found.error());
  const plugin::Plugin& plugin = **found;
  if (arguments.has("json")) {
    std::printf("%s\n", plugin::describe(plugin).dump(2).c_str());
    return plugin::is_usable(plugin.state) ? 0 : kExitHost;
  }
  if (!plugin::is_usable(plugin.state)) return complain(refusal(plugin));
  std::printf("plugin:  %s %s\nfile:    %s\nABI:     %u.%u, %s\n", plugin.descriptor.id.c_str(),
              plugin.descriptor.version.c_str(), shown(plugin.path).c_str(), plugin.descriptor.abi_major,
              plugin.descriptor.abi_minor, std::string(plugin::arch_name(plugin.descriptor.arch)).c_str());
  for (const plugin::Factory& factory : plugin.descriptor.factories) {
    std::printf("\n%s: %s\n  %s\n  options: %s\n", std::string(plugin::kind_name(factory.kind)).c_str(),
                factory.id.c_str(), factory.summary.c_str(),
                nlohmann::json::parse(factory.options_schema, nullptr, false).dump(2).c_str());
  }
  for (const plugin::Remark& remark : plugin.remarks)
    std::printf("\nnote: it %s%s\n", remark.text.c_str(), plugin::rule_text(remark.rule).c_str());
  return 0;
}

// Everything that can be found out without a guest: the file, the descriptor, each schema with its defaults, and what
// the objects do until a guest would run.
int check_plugin(const Arguments& arguments) {
  if (auto logging = set_up_logging(arguments, nullptr); !logging) return complain(logging.error());
  if (arguments.rest.empty())
    return complain(
        fail(SPORE_E_INVALID, "'sporehost plugin check' takes plugins: ids such as virtio-mem, or paths of files"));
  plugin::Registry registry = make_registry(arguments, nullptr);
  int status = 0;
  for (const std::string& what : arguments.rest) {
    const auto found = find_plugin(registry, what);
    const int one = found ? check_one(**found) : complain(found.error());
    if (one != 0) status = one;
  }
  return status;
}

int examine_plugin(const Arguments& arguments) {
  plugin::answer_examination(arguments.rest.empty() ? "" : arguments.rest.front());
}

int rehearse_plugins(const Arguments& /*arguments*/) {
  answer_rehearsal();
}

} // namespace sporehost::app
