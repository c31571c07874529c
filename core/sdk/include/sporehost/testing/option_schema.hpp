// A factory's schema, applied to what a test sets: defaults are filled in, sizes and durations become numbers, and what
// does not fit is refused, as the host does before it calls `create`.
//
// Known keywords: type, properties, required, additionalProperties (true or false), items, default, enum, const,
// minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength, minItems, maxItems, and
// format with "size" or "duration". A schema with any other one that means something ($ref, anyOf, pattern, ...) is not
// applied but refused in words: then FakeHost::set_options_json gives the options as they are.
#pragma once

#include <sporehost/result.hpp>
#include <sporehost/testing/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace spore::testing {

class OptionSchema {
 public:
  // The canonical JSON of the options, as `create` gets it.
  static Result<std::string> apply(std::string_view schema, const Json& given) {
    const auto read = Json::parse(schema);
    if (!read || read->as<Json::Object>() == nullptr) return fail(SPORE_E_INVALID, "the options schema is not JSON");
    SPORE_TRY(const Value whole, OptionSchema().normal(*read, given, ""));
    return whole->text();
  }

 private:
  using Value = std::optional<Json>; // nothing: the option is absent

  static Error refuse(const std::string& where, const std::string& why) {
    return fail(SPORE_E_INVALID, "options" + (where.empty() ? "" : ", " + where) + ": " + why);
  }

  static Result<void> check_keywords(const Json& schema, const std::string& where) {
    static constexpr std::array kKnown{"type",
                                       "properties",
                                       "required",
                                       "additionalProperties",
                                       "items",
                                       "default",
                                       "enum",
                                       "const",
                                       "minimum",
                                       "maximum",
                                       "format",
                                       "multipleOf",
                                       "exclusiveMinimum",
                                       "exclusiveMaximum",
                                       "minLength",
                                       "minItems",
                                       "maxItems",
                                       "maxLength"};
    static constexpr std::array kMeansNothing{"title", "description", "examples", "$schema", "$id", "$comment"};
    for (const auto& [key, value] : *schema.as<Json::Object>()) {
      const auto is = [&key = key](const char* name) { return key == name; };
      const bool extension = key.starts_with("x-");
      if (extension || std::any_of(kKnown.begin(), kKnown.end(), is)) continue;
      if (std::any_of(kMeansNothing.begin(), kMeansNothing.end(), is)) continue;
      return unknown(where, "the keyword '" + key + "'");
    }
    const Json* format = schema.find("format");
    if (format != nullptr && !is_size(schema) && !is_duration(schema))
      return unknown(where, "the format " + format->text());
    const Json* more = schema.find("additionalProperties");
    if (more != nullptr && more->as<bool>() == nullptr) return unknown(where, "a schema in additionalProperties");
    return {};
  }
  static Error unknown(const std::string& where, const std::string& what) {
    return fail(SPORE_E_UNSUPPORTED, "the fake host does not know " + what + " in the options schema" +
                                         (where.empty() ? "" : " at " + where) +
                                         "; give the options with set_options_json");
  }

  static bool format_is(const Json& schema, std::string_view name) {
    const Json* format = schema.find("format");
    return format != nullptr && format->as<std::string>() != nullptr && *format->as<std::string>() == name;
  }
  static bool is_size(const Json& schema) { return format_is(schema, "size"); }
  static bool is_duration(const Json& schema) { return format_is(schema, "duration"); }

  // An option as the plugin gets it, with its default where it is absent.
  Result<Value> normal(const Json& schema, const Value& given, const std::string& where) {
    if (schema.as<Json::Object>() == nullptr) return unknown(where, "a schema that is no object");
    SPORE_CHECK(check_keywords(schema, where));
    if (!given) {
      if (const Json* otherwise = schema.find("default")) return normal(schema, *otherwise, where);
      return made_of_defaults(schema, where);
    }
    Json value = *given;
    SPORE_CHECK(to_number(schema, value, where));
    SPORE_CHECK(check_type(schema, value, where));
    SPORE_CHECK(check_values(schema, value, where));
    SPORE_CHECK(check_bounds(schema, value, where));
    if (auto* object = value.as<Json::Object>()) SPORE_CHECK(fill(schema, *object, where));
    if (auto* list = value.as<Json::List>()) SPORE_CHECK(fill(schema, *list, where));
    return Value(std::move(value));
  }

  // An absent object with defaults inside is made, where nothing required is then missing in it.
  Result<Value> made_of_defaults(const Json& schema, const std::string& where) {
    if (schema.find("properties") == nullptr) return Value();
    auto made = normal(schema, Json(Json::Object()), where);
    if (!made) return made.error().status == SPORE_E_UNSUPPORTED ? Result<Value>(made.error()) : Result<Value>(Value());
    return (*made)->as<Json::Object>()->empty() ? Value() : *made;
  }

  // ---- sizes and durations ----
  static std::optional<int64_t> quantity(const std::string& text, bool duration) {
    static constexpr std::pair<std::string_view, int64_t> kSizes[] = {{"", 1},
                                                                      {"KiB", int64_t{1} << 10},
                                                                      {"MiB", int64_t{1} << 20},
                                                                      {"GiB", int64_t{1} << 30},
                                                                      {"TiB", int64_t{1} << 40},
                                                                      {"K", int64_t{1} << 10},
                                                                      {"M", int64_t{1} << 20},
                                                                      {"G", int64_t{1} << 30},
                                                                      {"T", int64_t{1} << 40}};
    static constexpr std::pair<std::string_view, int64_t> kDurations[] = {
        {"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}};
    int64_t number = 0;
    const auto digits = std::from_chars(text.data(), text.data() + text.size(), number);
    if (digits.ec != std::errc() || number < 0) return std::nullopt;
    std::string_view unit(digits.ptr, static_cast<size_t>(text.data() + text.size() - digits.ptr));
    while (unit.starts_with(' ')) unit.remove_prefix(1);
    const auto find = [&](const auto& units) -> std::optional<int64_t> {
      for (const auto& [name, factor] : units) {
        if (name == unit) return number > INT64_MAX / factor ? std::nullopt : std::optional(number * factor);
      }
      return std::nullopt;
    };
    return duration ? find(kDurations) : find(kSizes);
  }

  static Result<void> to_number(const Json& schema, Json& value, const std::string& where) {
    const bool duration = is_duration(schema);
    if (!duration && !is_size(schema)) return {};
    if (const auto* text = value.as<std::string>()) {
      const auto number = quantity(*text, duration);
      if (!number)
        return refuse(where, "'" + *text + "' is no " + (duration ? "duration, such as 500ms" : "size, such as 64MiB"));
      value = *number;
    } else if (duration) {
      return refuse(where, "a duration has a unit, such as \"500ms\"");
    }
    const auto* bytes = value.as<int64_t>();
    if (bytes == nullptr || *bytes < 0) return refuse(where, "a size is a text or a number of bytes");
    return {};
  }

  // ---- what a value must be ----
  static bool is_of(const Json& value, const std::string& type) {
    if (type == "object") return value.as<Json::Object>() != nullptr;
    if (type == "array") return value.as<Json::List>() != nullptr;
    if (type == "string") return value.as<std::string>() != nullptr;
    if (type == "integer") return value.as<int64_t>() != nullptr;
    if (type == "number") return value.number().has_value();
    if (type == "boolean") return value.as<bool>() != nullptr;
    return type == "null" && value.is_null();
  }

  static Result<void> check_type(const Json& schema, const Json& value, const std::string& where) {
    const Json* type = schema.find("type");
    if (type == nullptr || is_size(schema) || is_duration(schema)) return {};
    const auto fits = [&value](const Json& one) {
      return one.as<std::string>() != nullptr && is_of(value, *one.as<std::string>());
    };
    const auto* several = type->as<Json::List>();
    const bool right = several != nullptr ? std::any_of(several->begin(), several->end(), fits) : fits(*type);
    return right ? Result<void>() : refuse(where, value.text() + " is not of type " + type->text());
  }

  static Result<void> check_values(const Json& schema, const Json& value, const std::string& where) {
    const auto is = [&](Json one) { return to_number(schema, one, where).ok() && one == value; };
    if (const Json* only = schema.find("const"); only != nullptr && !is(*only))
      return refuse(where, value.text() + " is not " + only->text());
    const Json* all = schema.find("enum");
    const auto* list = all != nullptr ? all->as<Json::List>() : nullptr;
    if (list == nullptr || std::any_of(list->begin(), list->end(), is)) return {};
    return refuse(where, value.text() + " is none of " + all->text());
  }

  // The number that a keyword bounds: a value itself, or a length.
  static Result<void> check_bounds(const Json& schema, const Json& value, const std::string& where) {
    const auto bound = [&](const char* keyword) -> std::optional<double> {
      const Json* found = schema.find(keyword);
      if (found == nullptr) return std::nullopt;
      Json number = *found;
      if (number.as<std::string>() != nullptr && !to_number(schema, number, where).ok()) return std::nullopt;
      return number.number();
    };
    const auto check = [&](double number, const char* keyword, auto&& holds) -> Result<void> {
      const auto limit = bound(keyword);
      if (!limit || holds(number, *limit)) return {};
      return refuse(where, value.text() + " does not keep to " + keyword + " " + schema.find(keyword)->text());
    };
    const auto at_least = [](double a, double b) { return a >= b; };
    const auto at_most = [](double a, double b) { return a <= b; };
    if (const auto number = value.number()) {
      SPORE_CHECK(check(*number, "minimum", at_least));
      SPORE_CHECK(check(*number, "maximum", at_most));
      SPORE_CHECK(check(*number, "exclusiveMinimum", [](double a, double b) { return a > b; }));
      SPORE_CHECK(check(*number, "exclusiveMaximum", [](double a, double b) { return a < b; }));
      SPORE_CHECK(check(*number, "multipleOf", [](double a, double b) { return b > 0 && std::fmod(a, b) == 0; }));
    }
    if (const auto* text = value.as<std::string>()) {
      const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
      const auto length =
          static_cast<double>(text->size() - static_cast<size_t>(std::count_if(text->begin(), text->end(), continues)));
      SPORE_CHECK(check(length, "minLength", at_least));
      SPORE_CHECK(check(length, "maxLength", at_most));
    }
    if (const auto* list = value.as<Json::List>()) {
      SPORE_CHECK(check(static_cast<double>(list->size()), "minItems", at_least));
      SPORE_CHECK(check(static_cast<double>(list->size()), "maxItems", at_most));
    }
    return {};
  }

  // ---- what is inside ----
  Result<void> fill(const Json& schema, Json::Object& object, const std::string& where) {
    static const Json::Object kNone;
    const Json* properties = schema.find("properties");
    const auto& known =
        properties != nullptr && properties->as<Json::Object>() != nullptr ? *properties->as<Json::Object>() : kNone;
    const Json* more = schema.find("additionalProperties");
    if (more == nullptr || !*more->as<bool>()) {
      for (const auto& [key, value] : object) {
        if (known.count(key) == 0) return refuse(where + "/" + key, "there is no such option");
      }
    }
    for (const auto& [key, inner] : known) {
      const auto found = object.find(key);
      SPORE_TRY(Value value, normal(inner, found != object.end() ? Value(found->second) : Value(), where + "/" + key));
      if (value) object[key] = std::move(*value);
    }
    const Json* required = schema.find("required");
    if (required == nullptr || required->as<Json::List>() == nullptr) return {};
    for (const Json& key : *required->as<Json::List>()) {
      const auto* name = key.as<std::string>();
      if (name != nullptr && object.count(*name) == 0) return refuse(where, "'" + *name + "' is required");
    }
    return {};
  }
  Result<void> fill(const Json& schema, Json::List& list, const std::string& where) {
    const Json* items = schema.find("items");
    if (items == nullptr) return {};
    for (size_t i = 0; i < list.size(); ++i) {
      SPORE_TRY(Value value, normal(*items, list[i], where + "/" + std::to_string(i)));
      list[i] = std::move(*value);
    }
    return {};
  }
};

} // namespace spore::testing
