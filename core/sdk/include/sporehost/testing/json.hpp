// A JSON value for the fakes: enough to read a schema, to put options together and to write them down as the host does
// (keys sorted, no blanks). Whole numbers are int64_t, others double.
#pragma once

#include <sporehost/options.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace spore::testing {

class Json {
 public:
  using List = std::vector<Json>;
  using Object = std::map<std::string, Json, std::less<>>;

  Json() = default;
  Json(bool value) : value_(value) {}                     // NOLINT(google-explicit-constructor)
  Json(int64_t value) : value_(value) {}                  // NOLINT(google-explicit-constructor)
  Json(double value) : value_(value) {}                   // NOLINT(google-explicit-constructor)
  Json(std::string value) : value_(std::move(value)) {}   // NOLINT(google-explicit-constructor)
  Json(const char* value) : value_(std::string(value)) {} // NOLINT(google-explicit-constructor)
  Json(List value) : value_(std::move(value)) {}          // NOLINT(google-explicit-constructor)
  Json(Object value) : value_(std::move(value)) {}        // NOLINT(google-explicit-constructor)

  // Nothing where the text is no JSON, or is nested more than 64 deep.
  static std::optional<Json> parse(std::string_view text);

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  template <typename T>
  [[nodiscard]] const T* as() const {
    return std::get_if<T>(&value_);
  }
  template <typename T>
  [[nodiscard]] T* as() {
    return std::get_if<T>(&value_);
  }
  [[nodiscard]] std::optional<double> number() const {
    if (const auto* whole = as<int64_t>()) return static_cast<double>(*whole);
    if (const auto* other = as<double>()) return *other;
    return std::nullopt;
  }

  // A member of an object; nullptr where there is none, or where this is no object.
  [[nodiscard]] const Json* find(std::string_view key) const {
    const auto* object = as<Object>();
    if (object == nullptr) return nullptr;
    const auto found = object->find(key);
    return found == object->end() ? nullptr : &found->second;
  }

  // Sets what a JSON pointer names; objects on the way are made, and lists are objects by their index.
  void set(std::string_view pointer, Json value) {
    if (pointer.empty()) {
      *this = std::move(value);
      return;
    }
    pointer.remove_prefix(1);
    const size_t end = std::min(pointer.find('/'), pointer.size());
    if (as<Object>() == nullptr) value_ = Object();
    (*as<Object>())[unescaped(pointer.substr(0, end))].set(pointer.substr(end), std::move(value));
  }

  [[nodiscard]] std::string text() const;

  friend bool operator==(const Json& a, const Json& b) {
    if (a.value_.index() != b.value_.index() && a.number() && b.number()) return *a.number() == *b.number();
    return a.value_ == b.value_;
  }

 private:
  class Reader;

  static std::string unescaped(std::string_view token) {
    std::string key;
    for (size_t i = 0; i < token.size(); ++i) {
      const bool escape = token[i] == '~' && i + 1 < token.size();
      key += escape ? (token[++i] == '1' ? '/' : '~') : token[i];
    }
    return key;
  }
  static std::string quoted(const std::string& text);

  std::variant<std::monostate, bool, int64_t, double, std::string, List, Object> value_;
};

// ---- reading -----------------------------------------------------------------------------------------------------

class Json::Reader {
 public:
  explicit Reader(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  std::optional<Json> whole() {
    Json value;
    if (!read(value, 0)) return std::nullopt;
    blank();
    return at_ == end_ ? std::optional(std::move(value)) : std::nullopt;
  }

 private:
  static constexpr unsigned kDepth = 64;

  void blank() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }
  bool take(char c) {
    blank();
    if (at_ == end_ || *at_ != c) return false;
    return ++at_, true;
  }
  bool take(std::string_view word) {
    if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(word)) return false;
    return at_ += word.size(), true;
  }

  bool read(Json& out, unsigned depth) {
    blank();
    if (depth > kDepth || at_ == end_) return false;
    if (*at_ == '{') return object(out, depth);
    if (*at_ == '[') return list(out, depth);
    if (*at_ == '"') {
      std::string text;
      return string(text) && (out = std::move(text), true);
    }
    if (take("true")) return out = true, true;
    if (take("false")) return out = false, true;
    if (take("null")) return out = Json(), true;
    return number(out);
  }

  bool object(Json& out, unsigned depth) {
    Object members;
    take('{');
    if (take('}')) return out = Object(), true;
    do {
      std::string key;
      blank();
      if (!string(key) || !take(':') || !read(members[key], depth + 1)) return false;
    } while (take(','));
    return take('}') && (out = std::move(members), true);
  }

  bool list(Json& out, unsigned depth) {
    List members;
    take('[');
    if (take(']')) return out = List(), true;
    do {
      if (!read(members.emplace_back(), depth + 1)) return false;
    } while (take(','));
    return take(']') && (out = std::move(members), true);
  }

  // With the SDK's own reader of escapes.
  bool string(std::string& out) {
    if (at_ == end_ || *at_ != '"') return false;
    spore_json whole{at_, end_};
    spore_string inside{};
    if (spore_json_string(&whole, &inside) == 0) return false;
    out.resize(inside.length);
    spore_text text{out.data(), out.size(), 0};
    const spore_string quoted{at_, static_cast<uint64_t>(whole.at - at_)};
    if (spore_option_string(quoted, "", &text) != SPORE_OK) return false;
    out.resize(text.length);
    return at_ = whole.at, true;
  }

  bool number(Json& out) {
    int64_t whole = 0;
    const auto integer = std::from_chars(at_, end_, whole);
    const bool fraction = integer.ptr != end_ && (*integer.ptr == '.' || *integer.ptr == 'e' || *integer.ptr == 'E');
    if (integer.ec == std::errc() && !fraction) return at_ = integer.ptr, out = whole, true;
    // Not every C++20 library's from_chars reads fractions (Apple's does not), so a copy goes to the C library.
    const std::string digits(at_, std::find_if(at_, end_, [](char c) {
                               return std::string_view("+-.eE0123456789").find(c) == std::string_view::npos;
                             }));
    char* rest = nullptr;
    const double other = std::strtod(digits.c_str(), &rest);
    if (rest == digits.c_str()) return false;
    return at_ += rest - digits.c_str(), out = other, true;
  }

  const char* at_;
  const char* end_;
};

inline std::optional<Json> Json::parse(std::string_view text) {
  return Reader(text).whole();
}

// ---- writing -----------------------------------------------------------------------------------------------------

inline std::string Json::quoted(const std::string& text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out += '"';
}

inline std::string Json::text() const {
  if (is_null()) return "null";
  if (const auto* boolean = as<bool>()) return *boolean ? "true" : "false";
  if (const auto* whole = as<int64_t>()) return std::to_string(*whole);
  if (const auto* string = as<std::string>()) return quoted(*string);
  if (const auto* real = as<double>()) {
    char digits[40];
    std::string out(digits, std::to_chars(digits, digits + sizeof digits, *real).ptr);
    return out.find_first_of(".e") == out.npos ? out + ".0" : out;
  }
  std::string out;
  if (const auto* list = as<List>()) {
    for (const Json& member : *list) out += (out.empty() ? "" : ",") + member.text();
    return "[" + out + "]";
  }
  for (const auto& [key, member] : *as<Object>()) out += (out.empty() ? "" : ",") + quoted(key) + ":" + member.text();
  return "{" + out + "}";
}

} // namespace spore::testing
