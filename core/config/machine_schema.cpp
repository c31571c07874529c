#include "core/config/machine_schema.hpp"

#include <nlohmann/json.hpp>

#include "core/config/option_schema.hpp"

namespace sporehost {
namespace {

using nlohmann::ordered_json;
using spore::fail;
using spore::Result;

// Each kind has two definitions in the base: `<name>-id`, a string, and `<name>-use`, the mapping with `plugin`.
std::string_view definition(PluginKind kind) {
  switch (kind) {
    case PluginKind::device:
      return "device";
    case PluginKind::backend:
      return "backend";
    case PluginKind::memory_policy:
      break;
  }
  return "policy";
}

// Offers the id: {"anyOf": [{"const": id, "description": ...}, ..., the base's pattern]}.
void offer_id(ordered_json& definitions, const PluginSchema& plugin) {
  ordered_json& id = definitions[std::string(definition(plugin.kind)) + "-id"];
  if (!id.contains("anyOf")) {
    ordered_json base = std::move(id);
    id = ordered_json::object();
    if (base.contains("description")) id["description"] = base["description"];
    id["anyOf"] = ordered_json::array({std::move(base)});
  }
  ordered_json known = {{"const", plugin.id}};
  if (!plugin.description.empty()) known["description"] = plugin.description;
  id["anyOf"].insert(id["anyOf"].end() - 1, std::move(known));
}

void check_options(ordered_json& definitions, const PluginSchema& plugin, ordered_json options) {
  ordered_json rule;
  rule["if"] = {{"required", {"plugin"}}, {"properties", {{"plugin", {{"const", plugin.id}}}}}};
  rule["then"] = {{"properties", {{"options", std::move(options)}}}};
  definitions[std::string(definition(plugin.kind)) + "-use"]["allOf"].push_back(std::move(rule));
}

} // namespace

Result<std::string> merged_machine_schema(std::string_view base, std::span<const PluginSchema> plugins,
                                          std::string* skipped) {
  ordered_json schema = ordered_json::parse(base, nullptr, false);
  if (schema.is_discarded() || !schema.is_object() || !schema.contains("definitions") ||
      !schema["definitions"].is_object())
    return fail(SPORE_E_INVALID, "the machine schema is not JSON with 'definitions'");
  ordered_json& definitions = schema["definitions"];
  for (const char* name : {"device-id", "device-use", "backend-id", "backend-use", "policy-id", "policy-use"})
    if (!definitions.contains(name) || !definitions[name].is_object())
      return fail(SPORE_E_INVALID, std::string("the machine schema lacks the definition '") + name + "'");
  for (const PluginSchema& plugin : plugins) {
    offer_id(definitions, plugin);
    const std::string_view text = plugin.options.empty() ? R"({"type":"object"})" : std::string_view(plugin.options);
    auto options = OptionSchema::parse(text, plugin.id);
    if (options)
      check_options(definitions, plugin, ordered_json(options->for_editors()));
    else if (skipped != nullptr)
      *skipped += (skipped->empty() ? "" : "\n") + options.error().text;
  }
  return schema.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

} // namespace sporehost
