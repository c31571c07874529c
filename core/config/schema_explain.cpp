#include "core/config/schema_explain.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/base/text.hpp"
#include "core/config/schema_rewrite.hpp"

namespace sporehost {
namespace {

using nlohmann::json;

// The schema of the value at `pointer`, through properties, additionalProperties and items; null where that is not
// plain.
const json* subschema(const json& root, const json& value, json::json_pointer pointer) {
  if (pointer.empty()) return &root;
  const std::string token = pointer.back();
  pointer.pop_back();
  const json* parent = subschema(root, value, pointer);
  if (parent == nullptr || !parent->is_object() || !value.contains(pointer)) return nullptr;
  if (value[pointer].is_array()) {
    if (!parent->contains("items")) return nullptr;
    const json& items = (*parent)["items"];
    if (items.is_object()) return &items;
    const auto index = static_cast<size_t>(std::strtoull(token.c_str(), nullptr, 10));
    return items.is_array() && index < items.size() ? &items[index] : nullptr;
  }
  if (parent->contains("properties") && (*parent)["properties"].contains(token)) return &(*parent)["properties"][token];
  return parent->contains("additionalProperties") ? &(*parent)["additionalProperties"] : nullptr;
}

std::string word(const json& value) {
  if (value.is_string()) return quote(value.get_ref<const std::string&>());
  if (value.is_object()) return "a mapping";
  if (value.is_array()) return "a list";
  if (value.is_null()) return "nothing";
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string type_name(const std::string& type) {
  if (type == "string") return "text";
  if (type == "integer") return "a whole number";
  if (type == "number") return "a number";
  if (type == "boolean") return "true or false";
  if (type == "array") return "a list";
  if (type == "object") return "a mapping";
  return "nothing";
}

bool has_type(const json& value, const std::string& type) {
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  return value.is_null();
}

std::vector<std::string> types_of(const json& schema) {
  std::vector<std::string> types;
  if (!schema.is_object() || !schema.contains("type")) return types;
  if (schema["type"].is_string()) types.push_back(schema["type"].get<std::string>());
  if (schema["type"].is_array())
    for (const json& type : schema["type"])
      if (type.is_string()) types.push_back(type.get<std::string>());
  return types;
}

// A text that would be a number, or true or false, without its quotes.
bool only_quotes_are_wrong(const json& written, const std::vector<std::string>& types) {
  if (!written.is_string()) return false;
  const json bare = json::parse(written.get_ref<const std::string&>(), nullptr, false);
  return std::any_of(types.begin(), types.end(), [&](const std::string& type) { return has_type(bare, type); });
}

// "a size such as 512MiB", "'a', 'b' or 'c'", "a whole number".
std::string expectation(const json& schema) {
  if (!schema.is_object()) return {};
  std::vector<std::string> words;
  if (schema.contains("enum") && schema["enum"].is_array()) {
    for (const json& one : schema["enum"]) words.push_back(word(one));
  } else if (schema.contains("const")) {
    words.push_back(word(schema["const"]));
  } else if (const auto format = unit_format(schema)) {
    words.push_back(*format == UnitFormat::size ? "a size such as 512MiB" : "a duration such as 30s");
  } else if (schema.contains("anyOf") || schema.contains("oneOf")) {
    const json& branches = schema.contains("anyOf") ? schema["anyOf"] : schema["oneOf"];
    for (const json& branch : branches) {
      const std::string one = expectation(branch);
      if (one.empty()) return {};
      words.push_back(one);
    }
  } else {
    for (const std::string& type : types_of(schema)) words.push_back(type_name(type));
  }
  return join_or(words);
}

std::optional<std::string> wrong_kind(const json& spelled, const json& canonical, const json& value,
                                      const std::string& got) {
  const auto types = types_of(canonical);
  bool fits = types.empty();
  for (const std::string& type : types) fits = fits || has_type(value, type);
  const bool closed_list = spelled.contains("enum") || spelled.contains("const");
  if (fits && !closed_list && !(types.empty() && (spelled.contains("anyOf") || spelled.contains("oneOf"))))
    return std::nullopt;
  if (fits && canonical.contains("enum") && canonical["enum"].is_array())
    for (const json& one : canonical["enum"])
      if (one == value) return std::nullopt;
  if (fits && canonical.contains("const") && canonical["const"] == value) return std::nullopt;
  const std::string expected = expectation(spelled);
  if (expected.empty()) return std::nullopt;
  if (!fits && only_quotes_are_wrong(value, types))
    return "expected " + expected + ", got the text " + got + "; write it without quotes";
  std::string text = "expected " + expected + ", got " + got;
  if (!value.is_string() || !spelled.contains("enum")) return text;
  std::vector<std::string> words;
  for (const json& one : spelled["enum"])
    if (one.is_string()) words.push_back(one.get<std::string>());
  return text + did_you_mean(value.get_ref<const std::string&>(), words);
}

std::optional<std::string> wrong_number(const json& spelled, const json& canonical, const json& value,
                                        const std::string& got) {
  if (!value.is_number()) return std::nullopt;
  const auto format = unit_format(spelled);
  const auto limit = [&](const char* key) -> const json* {
    return canonical.contains(key) && canonical[key].is_number() ? &canonical[key] : nullptr;
  };
  const auto say = [&](const std::string& rule, const json& bound) {
    const std::string text =
        format && bound.is_number_integer() ? unit_text(*format, bound.get<int64_t>()) : bound.dump();
    return "must be " + rule + " " + text + ", got " + got;
  };
  if (const json* bound = limit("minimum"); bound && value < *bound) return say("at least", *bound);
  if (const json* bound = limit("maximum"); bound && value > *bound) return say("at most", *bound);
  if (const json* bound = limit("exclusiveMinimum"); bound && value <= *bound) return say("more than", *bound);
  if (const json* bound = limit("exclusiveMaximum"); bound && value >= *bound) return say("less than", *bound);
  if (const json* bound = limit("multipleOf")) return say("a multiple of", *bound);
  return std::nullopt;
}

std::optional<std::string> missing_keys(const json& canonical, const json& value) {
  if (!value.is_object() || !canonical.contains("required") || !canonical["required"].is_array()) return std::nullopt;
  std::string names;
  for (const json& name : canonical["required"])
    if (name.is_string() && !value.contains(name.get<std::string>()))
      names += (names.empty() ? "" : ", ") + quote(name.get<std::string>());
  if (names.empty()) return std::nullopt;
  return "missing: " + names;
}

} // namespace

std::string explain(const json& spelled_root, const json& canonical_root, const json& written, const json& value_root,
                    const std::string& pointer, const std::string& otherwise) {
  const json::json_pointer place(pointer);
  if (!value_root.contains(place)) return otherwise;
  const json* spelled = subschema(spelled_root, value_root, place);
  const json* canonical = subschema(canonical_root, value_root, place);
  if (spelled == nullptr || canonical == nullptr || !spelled->is_object() || !canonical->is_object()) return otherwise;
  const json& value = value_root[place];
  const std::string got = word(written.contains(place) ? written[place] : value);
  if (auto text = wrong_kind(*spelled, *canonical, value, got)) return *text;
  if (auto text = wrong_number(*spelled, *canonical, value, got)) return *text;
  if (auto text = missing_keys(*canonical, value)) return *text;
  if (value.is_string() && canonical->contains("pattern") && otherwise.find("pattern") != std::string::npos)
    return got + " does not match the pattern " + word((*canonical)["pattern"]);
  return otherwise;
}

} // namespace sporehost
