#include "core/config/option_tree.hpp"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "core/base/text.hpp"

namespace sporehost {
namespace {

using nlohmann::json;

bool all_of_digits(std::string_view text, std::string_view digits) {
  return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

// `text` is digits with a point or an exponent. Nothing where a double cannot hold it.
std::optional<double> decimal_number(std::string_view text) {
  double value = 0;
#if defined(__cpp_lib_to_chars)
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
#else // a library whose from_chars knows whole numbers only; the program keeps to the locale "C"
  const std::string digits(text);
  char* end = nullptr;
  errno = 0;
  value = std::strtod(digits.c_str(), &end);
  if (errno != 0 || end != digits.c_str() + digits.size()) return std::nullopt;
#endif
  return value;
}

struct Integer {
  std::string_view digits;
  int base;
  bool negative;
};

std::optional<Integer> as_integer(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdefABCDEF";
  if (text.starts_with("0x") && all_of_digits(text.substr(2), kHex)) return Integer{text.substr(2), 16, false};
  if (text.starts_with("0o") && all_of_digits(text.substr(2), "01234567")) return Integer{text.substr(2), 8, false};
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (!all_of_digits(text, "0123456789")) return std::nullopt;
  return Integer{text, 10, negative};
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_float(std::string_view text) {
  size_t i = 0;
  const auto digits = [&] {
    const size_t begin = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - begin;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  const size_t whole = digits();
  size_t part = 0;
  if (i < text.size() && text[i] == '.') {
    ++i;
    part = digits();
  }
  if (whole + part == 0) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

bool is_infinite_or_nan(std::string_view text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return text == ".inf" || text == ".Inf" || text == ".INF";
}

class Converter {
 public:
  Converter(OptionTree& tree, Diagnostics& diagnostics) : tree_(tree), diagnostics_(diagnostics) {}

  // The parser bounds the depth of `node`, and so of this recursion.
  json convert(const YamlNode& node, const std::string& pointer) {
    tree_.values[pointer] = node.at;
    if (node.kind == YamlNode::Kind::scalar) return scalar(node);
    if (node.kind == YamlNode::Kind::null) return nullptr;
    if (node.kind == YamlNode::Kind::sequence) {
      json list = json::array();
      for (size_t i = 0; i < node.items.size(); ++i)
        list.push_back(convert(node.items[i], extend_pointer(pointer, std::to_string(i))));
      return list;
    }
    json object = json::object();
    for (const YamlEntry& entry : node.entries) {
      const std::string below = extend_pointer(pointer, entry.key);
      tree_.keys[below] = entry.key_at;
      object[entry.key] = convert(entry.value, below);
    }
    return object;
  }

 private:
  json scalar(const YamlNode& node) {
    const std::string& text = node.text;
    if (node.quoted) return text;
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
    if (const auto integer = as_integer(text)) return number(node, *integer);
    if (is_float(text)) return decimal(node);
    if (is_infinite_or_nan(text)) return refuse(node, "infinity and not-a-number are no option values");
    return text;
  }

  json number(const YamlNode& node, const Integer& integer) {
    const std::string digits = (integer.negative ? "-" : "") + std::string(integer.digits);
    int64_t value = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value, integer.base);
    if (code == std::errc() && end == digits.data() + digits.size()) return value;
    return refuse(node, "the number does not fit into 64 bits; put it in quotes if it is text");
  }

  json decimal(const YamlNode& node) {
    std::string_view text = node.text;
    if (text.starts_with('+')) text.remove_prefix(1);
    if (const auto value = decimal_number(text); value && std::isfinite(*value)) return *value;
    return refuse(node, "the number is outside the range of a 64-bit float");
  }

  json refuse(const YamlNode& node, const std::string& why) {
    diagnostics_.add(node.at, quote(node.text) + ": " + why);
    return nullptr;
  }

  OptionTree& tree_;
  Diagnostics& diagnostics_;
};

} // namespace

std::string extend_pointer(const std::string& pointer, std::string_view token) {
  std::string out = pointer + "/";
  for (const char c : token) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

Position OptionTree::value_at(std::string pointer) const {
  while (true) {
    if (const auto found = values.find(pointer); found != values.end()) return found->second;
    const size_t slash = pointer.rfind('/');
    if (slash == std::string::npos) return {};
    pointer.resize(slash);
  }
}

Position OptionTree::key_at(const std::string& pointer) const {
  const auto found = keys.find(pointer);
  return found != keys.end() ? found->second : value_at(pointer);
}

OptionTree make_option_tree(const YamlNode& node, Diagnostics& diagnostics) {
  OptionTree tree;
  tree.file = diagnostics.file();
  tree.value = Converter(tree, diagnostics).convert(node, "");
  return tree;
}

} // namespace sporehost
