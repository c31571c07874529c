#include "core/config/schema_keywords.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "core/base/text.hpp"
#include "core/config/option_tree.hpp"
#include "core/config/schema_rewrite.hpp"

namespace sporehost {
namespace {

using nlohmann::json;
using spore::fail;
using spore::Result;

bool is_schema(const json& value) {
  return value.is_object() || value.is_boolean();
}
bool is_text_list(const json& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), [](const json& one) { return one.is_string(); });
}
bool is_schema_list(const json& value) {
  return value.is_array() && !value.empty() && std::all_of(value.begin(), value.end(), is_schema);
}
bool is_schema_mapping(const json& value) {
  return value.is_object() && std::all_of(value.begin(), value.end(), is_schema);
}
bool is_count(const json& value) {
  return value.is_number_integer() && value >= 0;
}

struct Keyword {
  const char* name;
  bool (*fits)(const json& value);
  const char* expected;
};

constexpr std::array kKeywords = {
    Keyword{"type", [](const json& v) { return v.is_string() || is_text_list(v); }, "a text or a list of texts"},
    Keyword{"enum", [](const json& v) { return v.is_array() && !v.empty(); }, "a list that is not empty"},
    Keyword{"required", is_text_list, "a list of texts"},
    Keyword{"properties", is_schema_mapping, "a mapping of names to schemas"},
    Keyword{"patternProperties", is_schema_mapping, "a mapping of patterns to schemas"},
    Keyword{"allOf", is_schema_list, "a list of schemas"},
    Keyword{"anyOf", is_schema_list, "a list of schemas"},
    Keyword{"oneOf", is_schema_list, "a list of schemas"},
    Keyword{"items", [](const json& v) { return is_schema(v) || is_schema_list(v); }, "a schema or a list of schemas"},
    Keyword{"additionalProperties", is_schema, "true, false or a schema"},
    Keyword{"not", is_schema, "a schema"},
    Keyword{"if", is_schema, "a schema"},
    Keyword{"then", is_schema, "a schema"},
    Keyword{"else", is_schema, "a schema"},
    Keyword{"pattern", [](const json& v) { return v.is_string(); }, "a text"},
    Keyword{"format", [](const json& v) { return v.is_string(); }, "a text"},
    Keyword{"uniqueItems", [](const json& v) { return v.is_boolean(); }, "true or false"},
    Keyword{"minLength", is_count, "a whole number of at least 0"},
    Keyword{"maxLength", is_count, "a whole number of at least 0"},
    Keyword{"minItems", is_count, "a whole number of at least 0"},
    Keyword{"maxItems", is_count, "a whole number of at least 0"},
    Keyword{"minProperties", is_count, "a whole number of at least 0"},
    Keyword{"maxProperties", is_count, "a whole number of at least 0"},
};
constexpr std::array kBounds = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"};

Result<void> check_own(const json& schema, const std::string& pointer) {
  const auto refuse = [&](const char* keyword, const std::string& expected) {
    return fail(SPORE_E_INVALID, quote(extend_pointer(pointer, keyword)) + " must be " + expected);
  };
  for (const Keyword& keyword : kKeywords)
    if (schema.contains(keyword.name) && !keyword.fits(schema[keyword.name]))
      return refuse(keyword.name, keyword.expected);
  const bool spelled = unit_format(schema).has_value();
  for (const char* bound : kBounds)
    if (schema.contains(bound) && !schema[bound].is_number() && !(spelled && schema[bound].is_string()))
      return refuse(bound, "a number");
  return {};
}

Result<void> check(const json& schema, const std::string& pointer) { // NOLINT(misc-no-recursion): its depth is bounded
  if (!schema.is_object()) return {};
  SPORE_CHECK(check_own(schema, pointer));
  for (const char* key : {"additionalProperties", "not", "if", "then", "else"})
    if (schema.contains(key)) SPORE_CHECK(check(schema[key], extend_pointer(pointer, key)));
  for (const char* key : {"properties", "patternProperties"})
    if (schema.contains(key))
      for (const auto& [name, part] : schema[key].items())
        SPORE_CHECK(check(part, extend_pointer(extend_pointer(pointer, key), name)));
  for (const char* key : {"allOf", "anyOf", "oneOf", "items"}) {
    if (!schema.contains(key)) continue;
    const std::string below = extend_pointer(pointer, key);
    if (!schema[key].is_array()) SPORE_CHECK(check(schema[key], below));
    for (size_t i = 0; schema[key].is_array() && i < schema[key].size(); ++i)
      SPORE_CHECK(check(schema[key][i], extend_pointer(below, std::to_string(i))));
  }
  return {};
}

} // namespace

Result<void> check_schema_keywords(const json& expanded) {
  return check(expanded, "");
}

} // namespace sporehost
