#include "core/config/option_schema.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <set>
#include <utility>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>
#include <vector>

#include "core/base/size.hpp"
#include "core/base/text.hpp"
#include "core/config/schema_explain.hpp"
#include "core/config/schema_rewrite.hpp"

namespace sporehost {
namespace {

using nlohmann::json;
using spore::fail;
using spore::Result;

constexpr size_t kOptionStringBytes = 4096; // std::regex recurses once a character

struct Mistake {
  std::string pointer;
  std::string text; // what valijson says about it
};

// valijson's context is "<root>", "[key]", "[0]", ...
std::string to_pointer(const std::vector<std::string>& context) {
  std::string pointer;
  for (size_t i = 1; i < context.size(); ++i)
    pointer = extend_pointer(pointer, std::string_view(context[i]).substr(1, context[i].size() - 2));
  return pointer;
}

// valijson repeats each mistake at every level around it; those repetitions say nothing.
bool is_repetition(std::string_view text) {
  return text.starts_with("Failed to validate against schema associated with") ||
         text.starts_with("Failed to validate item #") ||
         text.starts_with("Failed to validate against additional properties schema");
}

// Whether valijson takes a schema at all.
bool compiles(const json& schema) {
  try {
    valijson::Schema compiled;
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(valijson::adapters::NlohmannJsonAdapter(schema), compiled);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

// Where a schema is broken, which valijson does not say: "'required' at '/properties/a'". The deepest part that does
// not compile by itself, and of its keywords the first that does not.
std::string place_of_fault(const json& schema, const std::string& pointer) {
  const auto below = [&](const json& part, const std::string& where) {
    return compiles(part) ? std::string() : place_of_fault(part, where);
  };
  if (!schema.is_object()) return "at " + quote(pointer);
  for (const auto& [keyword, value] : schema.items()) {
    const std::string here = extend_pointer(pointer, keyword);
    const bool named = keyword == "properties" || keyword == "patternProperties";
    if (named && value.is_object())
      for (const auto& [name, part] : value.items())
        if (std::string found = below(part, extend_pointer(here, name)); !found.empty()) return found;
    const bool several = keyword == "allOf" || keyword == "anyOf" || keyword == "oneOf";
    if (several && value.is_array())
      for (size_t i = 0; i < value.size(); ++i)
        if (std::string found = below(value[i], extend_pointer(here, std::to_string(i))); !found.empty()) return found;
    if ((keyword == "items" || keyword == "additionalProperties" || keyword == "not") && value.is_object())
      if (std::string found = below(value, here); !found.empty()) return found;
  }
  for (const auto& [keyword, value] : schema.items())
    if (!compiles({{keyword, value}})) return quote(keyword) + " at " + quote(pointer.empty() ? "/" : pointer);
  return "at " + quote(pointer.empty() ? "/" : pointer);
}

// The one place where valijson meets a value, and throws.
Result<std::vector<Mistake>> run_valijson(const json& schema, const json& value) {
  std::vector<Mistake> mistakes;
  try {
    valijson::Schema compiled;
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(valijson::adapters::NlohmannJsonAdapter(schema), compiled);
    valijson::ValidationResults results;
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    if (validator.validate(compiled, valijson::adapters::NlohmannJsonAdapter(value), &results)) return mistakes;
    for (const auto& error : results)
      if (!is_repetition(error.description)) mistakes.push_back({to_pointer(error.context), error.description});
    if (mistakes.empty()) mistakes.push_back({"", "the options do not fit the schema"});
    return mistakes;
  } catch (const std::exception& error) {
    return fail(SPORE_E_INVALID, "the schema is broken, " + place_of_fault(schema, "") + ": " + error.what());
  }
}

// Walks options beside the spelled schema: sizes and durations become numbers, defaults appear, unknown keys go.
class Canonicaliser {
 public:
  // What a schema's author writes as a default may be a plain number of milliseconds; what a user writes may not.
  enum class Source { options, defaults };
  explicit Canonicaliser(Source source) : source_(source) {}

  std::vector<Mistake> mistakes;
  std::vector<Mistake> unknown_keys;

  void walk(json& value, const json& schema, const std::string& pointer) {
    if (!schema.is_object()) return;
    if (const auto format = unit_format(schema)) return convert(value, *format, pointer);
    convert_branches(value, schema, pointer);
    if (value.is_object()) walk_object(value, schema, pointer);
    if (value.is_array()) walk_array(value, schema, pointer);
    if (schema.contains("allOf") && schema["allOf"].is_array())
      for (const json& part : schema["allOf"]) walk(value, part, pointer);
  }

 private:
  // "every: 5" could be milliseconds or seconds; the machine's own keys refuse it as well.
  bool refuse_bare_duration(const json& value, UnitFormat format, const std::string& pointer) {
    if (format != UnitFormat::duration || !value.is_number() || source_ == Source::defaults) return false;
    auto spelled = parse_duration(value.dump());
    mistakes.push_back({pointer, spelled ? "the unit is missing" : spelled.error().text});
    return true;
  }

  void convert(json& value, UnitFormat format, const std::string& pointer) {
    if (refuse_bare_duration(value, format, pointer)) return;
    auto number = unit_value(format, value);
    if (number)
      value = *number;
    else if (value.is_string())
      mistakes.push_back({pointer, number.error().text});
    // Anything else is a wrong type, which the validator finds.
  }

  // "auto or a size": the branch applies if the text is one.
  void convert_branches(json& value, const json& schema, const std::string& pointer) {
    if (!value.is_string() && !value.is_number()) return;
    for (const char* key : {"anyOf", "oneOf"}) {
      if (!schema.contains(key) || !schema[key].is_array()) continue;
      const bool takes_numbers = std::any_of(schema[key].begin(), schema[key].end(), takes_a_number);
      for (const json& branch : schema[key]) {
        const auto format = unit_format(branch);
        if (!format) continue;
        if (!takes_numbers && refuse_bare_duration(value, *format, pointer)) return;
        if (!value.is_string()) continue;
        if (auto number = unit_value(*format, value)) {
          value = *number;
          return;
        }
      }
    }
  }

  void walk_object(json& object, const json& schema, const std::string& pointer) {
    static const json kNone = json::object();
    const json& properties =
        schema.contains("properties") && schema["properties"].is_object() ? schema["properties"] : kNone;
    refuse_unknown(object, schema, properties, pointer);
    for (auto& [key, value] : object.items()) {
      const std::string below = extend_pointer(pointer, key);
      if (properties.contains(key))
        walk(value, properties[key], below);
      else if (schema.contains("additionalProperties"))
        walk(value, schema["additionalProperties"], below);
    }
    for (const auto& [key, part] : properties.items())
      if (!object.contains(key)) fill_in(object, key, part, schema, extend_pointer(pointer, key));
  }

  void refuse_unknown(json& object, const json& schema, const json& properties, const std::string& pointer) {
    const bool closed = schema.contains("additionalProperties") && schema["additionalProperties"] == false &&
                        !schema.contains("patternProperties");
    if (!closed) return;
    std::vector<std::string> known;
    for (const auto& [key, part] : properties.items()) known.push_back(key);
    std::vector<std::string> unknown;
    for (const auto& [key, value] : object.items())
      if (!properties.contains(key)) unknown.push_back(key);
    for (const std::string& key : unknown) {
      std::string hint = did_you_mean(key, known);
      if (hint.empty())
        hint = known.empty() ? "; there are no options here" : "; the options here are " + join_or(known);
      unknown_keys.push_back({extend_pointer(pointer, key), "unknown option " + quote(key) + hint});
      object.erase(key);
    }
  }

  void fill_in(json& object, const std::string& key, const json& part, const json& schema, const std::string& pointer) {
    if (!part.is_object()) return;
    if (part.contains("default")) {
      json value = part["default"];
      const Source around = std::exchange(source_, Source::defaults);
      walk(value, part, pointer);
      source_ = around;
      object[key] = std::move(value);
      return;
    }
    if (!part.contains("type") || part["type"] != "object" || lists(schema, "required", key)) return;
    json made = json::object();
    walk(made, part, pointer);
    if (made.empty()) return;
    if (part.contains("required"))
      for (const json& name : part["required"])
        if (name.is_string() && !made.contains(name.get<std::string>())) return;
    object[key] = std::move(made);
  }

  static bool takes_a_number(const json& branch) {
    return branch.is_object() && !unit_format(branch) &&
           (!branch.contains("type") || branch["type"] == "integer" || branch["type"] == "number") &&
           !branch.contains("const") && !branch.contains("enum");
  }

  static bool lists(const json& schema, const char* keyword, const std::string& word) {
    if (!schema.contains(keyword) || !schema[keyword].is_array()) return false;
    return std::find(schema[keyword].begin(), schema[keyword].end(), json(word)) != schema[keyword].end();
  }

  void walk_array(json& list, const json& schema, const std::string& pointer) {
    if (!schema.contains("items")) return;
    const json& items = schema["items"];
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string below = extend_pointer(pointer, std::to_string(i));
      if (items.is_object())
        walk(list[i], items, below);
      else if (items.is_array() && i < items.size())
        walk(list[i], items[i], below);
    }
  }

  Source source_;
};

// Every default must fit the schema that it stands in; else the plugin's author would hear of it from users.
Result<void> check_defaults(const json& spelled, const json& canonical, const std::string& pointer) {
  if (!spelled.is_object()) return {};
  if (spelled.contains("default")) {
    json value = spelled["default"];
    Canonicaliser walker(Canonicaliser::Source::defaults);
    walker.walk(value, spelled, "");
    SPORE_TRY(const std::vector<Mistake> mistakes, run_valijson(canonical, value));
    if (!mistakes.empty() || !walker.mistakes.empty() || !walker.unknown_keys.empty())
      return fail(SPORE_E_INVALID, "the default of " + quote(pointer) + " does not fit its own schema");
  }
  if (spelled.contains("properties") && spelled["properties"].is_object())
    for (const auto& [key, part] : spelled["properties"].items())
      SPORE_CHECK(check_defaults(part, canonical["properties"][key], extend_pointer(pointer, key)));
  if (spelled.contains("items") && spelled["items"].is_object())
    SPORE_CHECK(check_defaults(spelled["items"], canonical["items"], extend_pointer(pointer, "items")));
  return {};
}

} // namespace

Result<OptionSchema> OptionSchema::parse(std::string_view text, std::string owner) {
  OptionSchema schema;
  const std::string where = "options schema of " + owner;
  schema.owner_ = std::move(owner);
  auto spelled = expand_schema(text);
  if (!spelled) return spelled.error().in(where);
  schema.spelled_ = std::move(*spelled);
  auto canonical = canonical_schema(schema.spelled_);
  if (!canonical) return canonical.error().in(where);
  schema.canonical_ = std::move(*canonical);
  // Compiles all of the schema; whether an empty object fits is of no interest here.
  if (auto compiled = run_valijson(schema.canonical_, json::object()); !compiled) return compiled.error().in(where);
  if (auto checked = check_defaults(schema.spelled_, schema.canonical_, ""); !checked) return checked.error().in(where);
  return schema;
}

Result<std::string> OptionSchema::apply(const OptionTree& options) const {
  Diagnostics diagnostics(options.file);
  const auto report = [&](Position at, const std::string& pointer, const std::string& text) {
    diagnostics.add(at, "options of " + owner_ + (pointer.empty() ? "" : ", " + pointer) + ": " + text);
  };
  bool too_long = false;
  for (const auto& [pointer, at] : options.values) {
    const json::json_pointer place(pointer);
    if (!options.value.contains(place)) continue;
    const json& value = options.value[place];
    if (!value.is_string() || value.get_ref<const std::string&>().size() <= kOptionStringBytes) continue;
    report(at, pointer, "the text is longer than " + std::to_string(kOptionStringBytes) + " bytes");
    too_long = true;
  }
  if (too_long) return diagnostics.error();

  json value = options.value;
  Canonicaliser walker(Canonicaliser::Source::options);
  walker.walk(value, spelled_, "");
  std::set<std::string> reported;
  for (const Mistake& mistake : walker.unknown_keys)
    report(options.key_at(mistake.pointer), mistake.pointer, mistake.text);
  for (const Mistake& mistake : walker.mistakes) {
    report(options.value_at(mistake.pointer), mistake.pointer, mistake.text);
    reported.insert(mistake.pointer);
  }
  auto mistakes = run_valijson(canonical_, value);
  if (!mistakes) return mistakes.error().in("options schema of " + owner_);
  for (const Mistake& mistake : *mistakes) {
    if (!reported.insert(mistake.pointer).second) continue;
    report(options.value_at(mistake.pointer), mistake.pointer,
           explain(spelled_, canonical_, options.value, value, mistake.pointer, mistake.text));
  }
  if (!diagnostics.empty()) return diagnostics.error();
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json OptionSchema::for_editors() const {
  return editor_schema(spelled_);
}

Result<std::string> validate_options(const OptionTree& options, std::string_view schema, const std::string& owner) {
  SPORE_TRY(const OptionSchema parsed, OptionSchema::parse(schema, owner));
  return parsed.apply(options);
}

} // namespace sporehost
