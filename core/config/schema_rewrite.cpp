#include "core/config/schema_rewrite.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <regex>
#include <vector>

#include "core/base/size.hpp"
#include "core/base/text.hpp"
#include "core/config/schema_keywords.hpp"

namespace sporehost {
namespace {

using nlohmann::json;
using spore::fail;
using spore::Result;

constexpr size_t kSchemaBytes = size_t{256} << 10;
constexpr size_t kSchemaDepth = 32;
constexpr size_t kSchemaValues = 20000;
constexpr size_t kPatternBytes = 1024;

// Keywords whose value is a schema, a list of schemas, and a mapping of names to schemas.
constexpr std::array kOne = {
    "additionalProperties", "additionalItems", "contains", "propertyNames", "not", "if", "then", "else"};
constexpr std::array kMany = {"allOf", "anyOf", "oneOf"};
constexpr std::array kNamed = {"properties", "patternProperties"};
// What makes an object's set of keys depend on more than its own list.
constexpr std::array kCombiners = {"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependencies"};

template <typename List>
bool has_any(const json& object, const List& keys) {
  for (const char* key : keys)
    if (object.contains(key)) return true;
  return false;
}

class Expander {
 public:
  explicit Expander(const json& root) : root_(root) {}

  // A copy of `value` in which each {"$ref": "#/..."} is replaced by what it points to.
  Result<json> expand(const json& value, size_t depth) {
    if (depth > kSchemaDepth)
      return fail(SPORE_E_INVALID, "the schema is nested deeper than " + std::to_string(kSchemaDepth) +
                                       " levels, or a $ref leads back to itself");
    if (++values_ > kSchemaValues)
      return fail(SPORE_E_INVALID, "the schema has more than " + std::to_string(kSchemaValues) + " values");
    if (value.is_object() && value.contains("$ref") && value["$ref"].is_string()) {
      SPORE_TRY(const json* target, find(value["$ref"].get<std::string>()));
      return expand(*target, depth + 1);
    }
    if (value.is_array()) return expand_list(value, depth);
    if (!value.is_object()) return value;
    json out = json::object();
    for (const auto& [key, part] : value.items()) {
      if (depth == 0 && key == "definitions") continue;
      SPORE_TRY(out[key], expand(part, depth + 1));
    }
    return out;
  }

 private:
  Result<json> expand_list(const json& value, size_t depth) {
    json out = json::array();
    for (const json& part : value) {
      SPORE_TRY(json expanded, expand(part, depth + 1));
      out.push_back(std::move(expanded));
    }
    return out;
  }

  Result<const json*> find(const std::string& reference) {
    if (!reference.starts_with('#'))
      return fail(SPORE_E_INVALID, "$ref " + quote(reference) + " leads out of the schema; only '#/...' is accepted");
    try {
      return &root_.at(json::json_pointer(reference.substr(1)));
    } catch (const json::exception&) {
      return fail(SPORE_E_INVALID, "$ref " + quote(reference) + " points to nothing");
    }
  }

  const json& root_;
  size_t values_ = 0;
};

// Calls `visit` for each schema directly below `schema`. `combined`: it is one of several that describe one value.
void each_subschema(json& schema, const std::function<void(json&, bool combined)>& visit) {
  const auto each = [&](json& list, bool combined) {
    for (json& part : list) visit(part, combined);
  };
  for (const char* key : kOne)
    if (schema.contains(key))
      visit(schema[key], std::string_view(key) != "additionalProperties" && std::string_view(key) != "additionalItems");
  for (const char* key : kMany)
    if (schema.contains(key) && schema[key].is_array()) each(schema[key], true);
  for (const char* key : kNamed)
    if (schema.contains(key) && schema[key].is_object()) each(schema[key], false);
  if (!schema.contains("items")) return;
  if (schema["items"].is_array())
    each(schema["items"], false);
  else
    visit(schema["items"], false);
}

bool describes_object(const json& schema) {
  return schema.contains("properties") || (schema.contains("type") && schema["type"] == "object");
}

void close_objects(json& schema, bool combined) {
  if (!schema.is_object()) return;
  const bool open = combined || schema.contains("additionalProperties") || schema.contains("patternProperties") ||
                    has_any(schema, kCombiners);
  each_subschema(schema, [](json& part, bool part_combined) { close_objects(part, part_combined); });
  if (!open && describes_object(schema)) schema["additionalProperties"] = false;
}

// valijson divides by it without a look.
Result<void> check_multiple_of(const json& schema) {
  if (!schema.contains("multipleOf")) return {};
  const json& divisor = schema["multipleOf"];
  if (divisor.is_string() || (divisor.is_number() && divisor.get<double>() > 0)) return {};
  return fail(SPORE_E_INVALID, "'multipleOf' must be a number greater than 0");
}

// std::regex recurses over the pattern, so its length is bounded too.
Result<void> check_pattern(const std::string& pattern) {
  if (pattern.size() > kPatternBytes)
    return fail(SPORE_E_INVALID, "a pattern is longer than " + std::to_string(kPatternBytes) + " bytes");
  try {
    const std::regex compiled(pattern);
    return {};
  } catch (const std::regex_error& error) {
    return fail(SPORE_E_INVALID, "the pattern " + quote(pattern) + " is broken: " + error.what());
  }
}

// What valijson takes as it comes, or finds only when a value meets it.
Result<void> check_keywords(const json& schema) {
  SPORE_CHECK(check_multiple_of(schema));
  if (schema.contains("pattern") && schema["pattern"].is_string())
    SPORE_CHECK(check_pattern(schema["pattern"].get<std::string>()));
  if (!schema.contains("patternProperties")) return {};
  for (const auto& [pattern, part] : schema["patternProperties"].items()) SPORE_CHECK(check_pattern(pattern));
  return {};
}

Result<void> make_canonical(json& schema) {
  if (!schema.is_object()) return {};
  SPORE_CHECK(check_keywords(schema));
  Result<void> outcome;
  each_subschema(schema, [&](json& part, bool) {
    if (outcome.ok()) outcome = make_canonical(part);
  });
  SPORE_CHECK(outcome);
  const auto format = unit_format(schema);
  if (!format) return {};
  schema["type"] = "integer";
  for (const char* key : {"format", "pattern", "minLength", "maxLength"}) schema.erase(key);
  if (!schema.contains("minimum") && !schema.contains("exclusiveMinimum")) schema["minimum"] = 0;
  for (const char* key :
       {"default", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}) {
    if (!schema.contains(key)) continue;
    auto number = unit_value(*format, schema[key]);
    if (!number) return number.error().in(std::string("'") + key + "'");
    schema[key] = *number;
  }
  if (schema.contains("enum") && schema["enum"].is_array())
    for (json& word : schema["enum"]) {
      auto number = unit_value(*format, word);
      if (!number) return number.error().in("'enum'");
      word = *number;
    }
  return check_multiple_of(schema);
}

// " at byte 17, behind '...'". The parser that does not throw does not tell.
std::string where_broken(std::string_view text) {
  try {
    const json ignored = json::parse(text);
  } catch (const json::parse_error& error) {
    const size_t at = error.byte > 0 ? error.byte - 1 : 0;
    if (at == 0 || at > text.size()) return at == 0 ? ": it is empty or begins with what is none" : "";
    const size_t from = at > 16 ? at - 16 : 0;
    return " at byte " + std::to_string(at) + ", behind " + quote(text.substr(from, at - from));
  } catch (const json::exception&) { // a number that no double holds
    return ": it holds a number that is too large";
  }
  return {};
}

void make_editable(json& schema) {
  if (!schema.is_object()) return;
  each_subschema(schema, [](json& part, bool) { make_editable(part); });
  const auto format = unit_format(schema);
  if (!format) return;
  json out;
  for (const char* key : {"title", "description", "default", "examples"})
    if (schema.contains(key)) out[key] = schema[key];
  const char* pattern = *format == UnitFormat::size ? "^[0-9]+ *([KMGT](iB)?)?$" : "^[0-9]+ *(ms|s|min|h)$";
  const json text = {{"type", "string"}, {"pattern", pattern}};
  if (*format == UnitFormat::size)
    out["anyOf"] = {text, {{"type", "integer"}, {"minimum", 0}}};
  else
    out.update(text);
  schema = std::move(out);
}

} // namespace

std::optional<UnitFormat> unit_format(const json& schema) {
  if (!schema.is_object() || !schema.contains("type") || !schema.contains("format")) return std::nullopt;
  // A number is as good as a text in either case; authors may say so or not.
  const json& type = schema["type"];
  if (type != "string" && type != json{"string", "integer"} && type != json{"integer", "string"}) return std::nullopt;
  if (schema["format"] == "size") return UnitFormat::size;
  if (schema["format"] == "duration") return UnitFormat::duration;
  return std::nullopt;
}

Result<int64_t> unit_value(UnitFormat format, const json& value) {
  if (value.is_number_integer() && value >= 0 && value <= std::numeric_limits<int64_t>::max())
    return value.get<int64_t>();
  const bool size = format == UnitFormat::size;
  if (!value.is_string())
    return fail(SPORE_E_INVALID, size ? "expected a size such as 512MiB" : "expected a duration such as 30s");
  const auto& text = value.get_ref<const std::string&>();
  SPORE_TRY(const uint64_t number, size ? parse_size(text) : parse_duration(text));
  if (number <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return static_cast<int64_t>(number);
  return fail(SPORE_E_RANGE, quote(text) + " is too large");
}

std::string unit_text(UnitFormat format, int64_t value) {
  if (value < 0) return std::to_string(value);
  return format == UnitFormat::size ? format_size(static_cast<uint64_t>(value))
                                    : format_duration(static_cast<uint64_t>(value));
}

Result<json> expand_schema(std::string_view text) {
  if (text.size() > kSchemaBytes)
    return fail(SPORE_E_INVALID, "the schema is larger than " + format_size(kSchemaBytes));
  bool too_deep = false;
  const json root = json::parse(
      text,
      [&](int depth, json::parse_event_t, json&) { return !(too_deep |= depth > static_cast<int>(kSchemaDepth)); },
      false);
  if (too_deep)
    return fail(SPORE_E_INVALID, "the schema is nested deeper than " + std::to_string(kSchemaDepth) + " levels");
  if (root.is_discarded()) return fail(SPORE_E_INVALID, "the schema is not valid JSON" + where_broken(text));
  if (!root.is_object() || !root.contains("type") || root["type"] != "object")
    return fail(SPORE_E_INVALID, "the schema must describe an object: {\"type\": \"object\", ...}");
  SPORE_TRY(json expanded, Expander(root).expand(root, 0));
  SPORE_CHECK(check_schema_keywords(expanded));
  close_objects(expanded, false);
  return expanded;
}

Result<json> canonical_schema(const json& expanded) {
  json canonical = expanded;
  SPORE_CHECK(make_canonical(canonical));
  return canonical;
}

json editor_schema(const json& expanded) {
  json schema = expanded;
  for (const char* key : {"$schema", "$id"}) schema.erase(key);
  make_editable(schema);
  return schema;
}

} // namespace sporehost
