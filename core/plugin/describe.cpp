#include "core/plugin/describe.hpp"

#include "core/base/text.hpp"

#include <nlohmann/json.hpp>

namespace sporehost::plugin {
namespace {

using nlohmann::json;

std::string version_text(unsigned major, unsigned minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

// Names of files need not be UTF-8, and json::dump() would throw then.
std::string utf8(const std::string& text) {
  return printable(text);
}

json describe(const Factory& factory) {
  const std::string_view kind = kind_name(factory.kind);
  json out = {{"kind", kind.empty() ? std::to_string(factory.kind) : std::string(kind)},
              {"id", factory.id},
              {"summary", utf8(factory.summary)},
              {"schema", json::parse(factory.options_schema, nullptr, false)}};
  if (!factory.shadowed_by.empty()) out["shadowed_by"] = utf8(factory.shadowed_by);
  return out;
}

json describe(const Folder& folder) {
  json files = json::array();
  for (const auto& file : folder.files) files.push_back(utf8(file.filename().string()));
  json out = {{"path", utf8(folder.path.string())}, {"why", folder.why}, {"exists", folder.exists}, {"files", files}};
  if (!folder.problem.empty()) out["problem"] = folder.problem;
  return out;
}

} // namespace

json describe(const Plugin& plugin) {
  json out = {{"path", utf8(plugin.path.string())}, {"state", name_of(plugin.state)}, {"factories", json::array()}};
  if (!plugin.reason.empty()) out["reason"] = utf8(plugin.reason);
  if (plugin.rule != 0) out["rule"] = "SDK-" + std::to_string(plugin.rule);
  for (const Remark& remark : plugin.remarks) out["remarks"].push_back(utf8(remark.text + rule_text(remark.rule)));
  if (!is_usable(plugin.state)) return out;
  out["id"] = plugin.descriptor.id;
  out["version"] = utf8(plugin.descriptor.version);
  out["abi"] = version_text(plugin.descriptor.abi_major, plugin.descriptor.abi_minor);
  out["arch"] = arch_name(plugin.descriptor.arch);
  for (const Factory& factory : plugin.descriptor.factories) out["factories"].push_back(describe(factory));
  return out;
}

json describe(const Registry& registry) {
  json out = {
      {"abi", version_text(SPORE_ABI_MAJOR, SPORE_ABI_MINOR)}, {"folders", json::array()}, {"plugins", json::array()}};
  for (const Folder& folder : registry.search_path().folders()) out["folders"].push_back(describe(folder));
  for (const Plugin* plugin : registry.plugins()) out["plugins"].push_back(describe(*plugin));
  return out;
}

} // namespace sporehost::plugin
