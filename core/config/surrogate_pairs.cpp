#include "core/config/surrogate_pairs.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

namespace sporehost {
namespace {

constexpr size_t kPair = 12; // "\ud83d\ude00"
constexpr int kShorter = 2;  // "\U0001F600" has ten

// The four digits of "\uXXXX" at `at`, or nothing.
std::optional<uint32_t> unicode_escape(std::string_view text, size_t at) {
  if (text.substr(at, 2) != "\\u" || text.size() < at + 6) return std::nullopt;
  uint32_t value = 0;
  const char* end = text.data() + at + 6;
  const auto [stop, code] = std::from_chars(text.data() + at + 2, end, value, 16);
  return code == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

} // namespace

SurrogatePairs::SurrogatePairs(std::string_view text) : text_(text) {
  const bool any = text.find("\\ud") != std::string_view::npos || text.find("\\uD") != std::string_view::npos;
  if (any && nlohmann::json::accept(text)) rewrite();
}

Position SurrogatePairs::original(Position at) const {
  const auto line = std::lower_bound(pairs_.begin(), pairs_.end(), Position{at.line, 0});
  at.column += kShorter * static_cast<int>(std::lower_bound(line, pairs_.end(), at) - line);
  return at;
}

// In JSON every backslash stands in a text and begins an escape.
void SurrogatePairs::rewrite() {
  std::string out;
  Position at{1, 1}; // in `out`
  for (size_t i = 0; i < text_.size();) {
    const auto high = unicode_escape(text_, i);
    size_t length = text_[i] == '\\' ? std::min<size_t>(2, text_.size() - i) : 1;
    if (high && *high >= 0xD800 && *high < 0xDC00) {
      const uint32_t low = unicode_escape(text_, i + kPair / 2).value_or(0xDC00); // valid JSON has no half of a pair
      char escape[16];
      std::snprintf(escape, sizeof escape, "\\U%08X", 0x10000 + ((*high - 0xD800) << 10) + (low - 0xDC00));
      pairs_.push_back(at);
      out += escape;
      at.column += static_cast<int>(kPair) - kShorter;
      i += kPair;
      continue;
    }
    at = text_[i] == '\n' ? Position{at.line + 1, 1} : Position{at.line, at.column + static_cast<int>(length)};
    out.append(text_, i, length);
    i += length;
  }
  text_ = std::move(out);
}

} // namespace sporehost
