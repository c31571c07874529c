#include "core/plugin/registry.hpp"

#include "core/base/foreign_text.hpp"
#include "core/base/text.hpp"
#include "core/config/words.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <tuple>

namespace sporehost::plugin {
namespace {

namespace fs = std::filesystem;

const Factory* factory_of(const Plugin& plugin, uint32_t kind, std::string_view id) {
  for (const Factory& factory : plugin.descriptor.factories) {
    if (factory.kind == kind && factory.id == id) return &factory;
  }
  return nullptr;
}

// "is cut short: ... (SDK-3)"
std::string reason_with_rule(const Plugin& plugin) {
  return plugin.reason + rule_text(plugin.rule);
}

// The factory of the first of `kinds` that has the id.
const Factory* factory_of(const Plugin& plugin, std::span<const uint32_t> kinds, std::string_view id) {
  for (const uint32_t kind : kinds)
    if (const Factory* factory = factory_of(plugin, kind, id)) return factory;
  return nullptr;
}

std::string kind_text(uint32_t kind) {
  const std::string_view name = kind_name(kind);
  return name.empty() ? "factory of kind " + std::to_string(kind) : std::string(name);
}

// "a backend", "an io-device"
std::string a_kind(uint32_t kind) {
  return (kind == SPORE_KIND_IO_DEVICE ? "an " : "a ") + kind_text(kind);
}

// With a_kind: "a backend", "a virtio-device or an io-device".
std::string one_of(std::span<const uint32_t> kinds, std::string (*name)(uint32_t)) {
  std::vector<std::string> names;
  for (const uint32_t kind : kinds) names.push_back(name(kind));
  return join_or(names);
}

} // namespace

std::string Plugin::origin() const {
  const std::string id = descriptor.id.empty() ? std::string() : " (id '" + descriptor.id + "')";
  return "plugin '" + printable(path.string()) + "'" + id;
}

Trace trace_from_environment() {
  const char* wanted = std::getenv("SPOREHOST_PLUGIN_TRACE");
  if (wanted == nullptr || std::string_view(wanted) != "1") return {};
  return [](std::string_view line) { std::fprintf(stderr, "plugin trace: %s\n", printable(line).c_str()); };
}

Registry::Registry(SearchPath path, Trace trace, HostAbi abi, Looking looking)
    : path_(std::move(path)), trace_(std::move(trace)), abi_(abi), looking_(std::move(looking)) {
  for (const Folder& folder : path_.folders()) {
    this->trace("folder " + folder.path.string() + " (" + folder.why + "): " +
                (folder.exists ? std::to_string(folder.files.size()) + " files" +
                                     (folder.problem.empty() ? "" : ", " + folder.problem)
                               : "does not exist"));
  }
}

void Registry::trace(const std::string& line) const {
  if (trace_) trace_(line);
}

std::vector<const Plugin*> Registry::plugins() const {
  std::vector<const Plugin*> all;
  for (const auto& plugin : plugins_) all.push_back(plugin.get());
  return all;
}

spore::Result<Found> Registry::find(uint32_t kind, std::string_view id) {
  return find(std::span(&kind, 1), id);
}

spore::Result<Found> Registry::find(std::span<const uint32_t> kinds, std::string_view id) {
  if (!is_plugin_id(id)) {
    return spore::fail(SPORE_E_INVALID, quote(id) + " is no plugin name: write a-z, 0-9 and single hyphens between");
  }
  const fs::path name = std::string(id) + ".so";
  for (size_t i = 0; i < path_.folders().size(); ++i) {
    const Folder& folder = path_.folders()[i];
    const fs::path file = folder.path / name;
    if (!std::binary_search(folder.files.begin(), folder.files.end(), file)) continue;
    const Plugin& plugin = get(file, i, may_load());
    if (const Factory* factory = factory_of(plugin, kinds, id)) return Found{&plugin, factory};
  }
  trace("no " + name.string() + " has the " + one_of(kinds, kind_text) + " " + quote(id) + ": looking into every file");
  scan();
  for (const uint32_t kind : kinds)
    while (const Plugin* plugin = holder(kind, id)) {
      // What a child said of it need not hold here: loaded, it may be no plugin any more, and another one's turn comes.
      if (may_load() && !plugin->library) plugin = &get(plugin->path, plugin->folder, true);
      if (const Factory* factory = factory_of(*plugin, kind, id)) return Found{plugin, factory};
    }
  return not_found(kinds, id);
}

void Registry::scan() {
  for (size_t i = 0; i < path_.folders().size(); ++i) {
    for (const fs::path& file : path_.folders()[i].files) get(file, i, !looking_.examine);
  }
}

const Plugin& Registry::load_file(const fs::path& file) {
  std::error_code error;
  const fs::path full = fs::weakly_canonical(file, error);
  return get(error ? file : full, SIZE_MAX, !looking_.examine);
}

Plugin& Registry::get(const fs::path& file, size_t folder, bool load) {
  for (const auto& plugin : plugins_) {
    if (plugin->path != file) continue;
    Plugin& known = *plugin;
    const bool now_in_folder = known.folder != folder && folder != SIZE_MAX; // was named by its path before
    const bool to_load = load && !known.library && is_usable(known.state);
    if (now_in_folder) known.folder = folder;
    if (to_load) look(known, true);
    if (now_in_folder || to_load) arrange();
    return known;
  }
  Plugin& added = *plugins_.emplace_back(std::make_unique<Plugin>());
  added.path = file;
  added.folder = folder;
  look(added, load);
  arrange();
  return added;
}

// The trace speaks before the file is touched, so that the last line names the one that took everything with it.
void Registry::look(Plugin& plugin, bool load) {
  trace(std::string(load ? "loads " : "examines ") + plugin.path.string());
  Examination found = load ? load_here(plugin.path, abi_, plugin.library) : looking_.examine(plugin.path);
  plugin.state = found.state;
  plugin.reason = std::move(found.reason);
  plugin.rule = found.rule;
  plugin.descriptor = std::move(found.descriptor);
  if (!load) plugin.remarks = std::move(found.remarks);
  trace(plugin.path.string() + ": " + std::string(name_of(plugin.state)) +
        (plugin.reason.empty() ? "" : ": " + reason_with_rule(plugin)));
  for (const Remark& remark : plugin.remarks) trace(plugin.path.string() + " " + remark.text + rule_text(remark.rule));
}

// The plugin among those loaded that the rule at the top of the header chooses.
const Plugin* Registry::holder(uint32_t kind, std::string_view id) const {
  const Plugin* first = nullptr;
  for (const auto& plugin : plugins_) {
    if (plugin->folder == SIZE_MAX || factory_of(*plugin, kind, id) == nullptr) continue;
    if (plugin->path.stem() == id) return plugin.get();
    if (first == nullptr) first = plugin.get();
  }
  return first;
}

// Loading one more file may change who holds a factory, so all is decided anew.
void Registry::arrange() {
  std::sort(plugins_.begin(), plugins_.end(),
            [](const auto& a, const auto& b) { return std::tie(a->folder, a->path) < std::tie(b->folder, b->path); });
  for (const auto& plugin : plugins_) {
    if (is_usable(plugin->state)) settle(*plugin);
  }
}

void Registry::settle(Plugin& plugin) const {
  const bool older = plugin.descriptor.abi_minor < abi_.minor;
  plugin.state = older ? LoadState::AbiMinorOlder : LoadState::Loaded;
  plugin.reason = older ? "is built against SDK " + std::to_string(abi_.major) + "." +
                              std::to_string(plugin.descriptor.abi_minor) + ", this host speaks " +
                              std::to_string(abi_.major) + "." + std::to_string(abi_.minor) +
                              "; it works, newer services go unused"
                        : "";
  if (plugin.folder == SIZE_MAX) return; // named by its path: takes part in no choice
  bool all = true;
  std::string shadows;
  for (Factory& factory : plugin.descriptor.factories) {
    const Plugin* by = holder(factory.kind, factory.id);
    factory.shadowed_by = by == &plugin ? std::string() : by->path.string();
    all = all && by != &plugin;
    if (by == &plugin) continue;
    shadows += (shadows.empty() ? "" : "; ") + kind_text(factory.kind) + " " + quote(factory.id) + " is taken from " +
               factory.shadowed_by;
  }
  if (all) plugin.state = LoadState::DuplicateId;
  if (!shadows.empty()) plugin.reason = shadows;
}

spore::Error Registry::not_found(std::span<const uint32_t> kinds, std::string_view id) const {
  std::vector<std::string> ids;
  std::string elsewhere;
  std::string unusable;
  for (const auto& plugin : plugins_) {
    for (const Factory& factory : plugin->descriptor.factories) {
      if (std::find(kinds.begin(), kinds.end(), factory.kind) != kinds.end()) ids.push_back(factory.id);
      if (factory.id == id) elsewhere = a_kind(factory.kind);
    }
    if (!is_usable(plugin->state) && plugin->folder != SIZE_MAX) {
      unusable += "; cannot be used: " + plugin->path.string() + " " + reason_with_rule(*plugin);
    }
  }
  std::string text;
  if (!elsewhere.empty()) {
    text = quote(id) + " is " + elsewhere + ", not " + one_of(kinds, a_kind);
  } else {
    text = "no plugin offers " + one_of(kinds, a_kind) + " " + quote(id) + did_you_mean(id, ids);
  }
  if (!ids.empty() && closest_match(id, ids).empty()) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    text += "; there is " + join_or(ids);
  }
  return spore::fail(SPORE_E_NOT_FOUND, text + "; searched " + path_.text() + unusable);
}

spore::Result<PluginObject> Registry::create(uint32_t kind, std::string_view id, const spore_host& host,
                                             std::string_view options) {
  SPORE_TRY(const Found found, find(kind, id));
  return create(found, host, options);
}

spore::Result<PluginObject> Registry::create(const Found& found, const spore_host& host, std::string_view options) {
  const std::string origin = found.plugin->origin();
  const std::string what = kind_text(found.factory->kind) + " " + quote(found.factory->id);
  if (found.factory->make == nullptr)
    return spore::fail(SPORE_E_STATE, origin + ": " + what + " is not loaded into this process");
  trace(origin + ": creates " + what + " with " + std::string(options));
  spore_object made{};
  spore::ErrorText error;
  spore_status status = SPORE_E_INTERNAL;
  try {
    const PluginCall note(keep_text(origin));
    status = found.factory->make(&host, {options.data(), options.size()}, &made, error.out());
  } catch (...) { // only a plugin without the wrapper's thunks can get here
    return spore::fail(SPORE_E_INTERNAL, origin + ": create of " + what + " let an exception out (SDK-7)");
  }
  if (auto outcome = outcome_of("create of " + what, status, error); !outcome) return outcome.error().in(origin);
  if (made.ops == nullptr || made.self == nullptr) {
    return spore::fail(SPORE_E_INTERNAL, origin + ": create of " + what + " returned SPORE_OK without " +
                                             (made.ops == nullptr ? "a table of functions" : "an object") + " (SDK-9)");
  }
  // An object whose table is broken is left alone: its `destroy` cannot be trusted either.
  if (const std::string fault = check_ops(found.factory->kind, made.ops); !fault.empty()) {
    return spore::fail(SPORE_E_INTERNAL, origin + ": the " + what + " it created " + fault + " (SDK-9)");
  }
  return PluginObject(found.plugin->library, made, origin);
}

} // namespace sporehost::plugin
