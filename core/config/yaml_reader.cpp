#include "core/config/yaml_reader.hpp"

#include <algorithm>
#include <limits>

#include "core/base/size.hpp"
#include "core/base/text.hpp"

namespace sporehost {
namespace {

using Kind = YamlNode::Kind;

std::string subject(std::string_view what) {
  return quote(what) + ": ";
}

} // namespace

void report_wrong_type(Diagnostics& diagnostics, const YamlNode& node, std::string_view what,
                       std::string_view expected) {
  diagnostics.add(node.at, subject(what) + "expected " + std::string(expected) + ", got " + node.describe());
}

void report_wrong_word(Diagnostics& diagnostics, const YamlNode& node, std::string_view what,
                       std::string_view expected) {
  const bool in_quotes = node.kind == Kind::scalar && node.quoted;
  diagnostics.add(node.at,
                  subject(what) + "expected " + std::string(expected) + ", got " +
                      (in_quotes ? "the text " + node.describe() + "; write it without quotes" : node.describe()));
}

std::optional<std::string> read_text(Diagnostics& diagnostics, const YamlNode& node, std::string_view what,
                                     std::string_view expected) {
  if (node.kind == Kind::scalar) return node.text;
  report_wrong_type(diagnostics, node, what, expected);
  return std::nullopt;
}

std::optional<uint64_t> read_size(Diagnostics& diagnostics, const YamlNode& node, std::string_view what) {
  const auto text = read_text(diagnostics, node, what, "a size such as 512MiB");
  if (!text) return std::nullopt;
  auto size = parse_size(*text);
  if (size) return *size;
  diagnostics.add(node.at, subject(what) + size.error().text);
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> read_duration(Diagnostics& diagnostics, const YamlNode& node,
                                                       std::string_view what) {
  const auto text = read_text(diagnostics, node, what, "a duration such as 30s");
  if (!text) return std::nullopt;
  auto duration = parse_duration(*text);
  constexpr auto kLongest = static_cast<uint64_t>(std::chrono::milliseconds(std::chrono::hours(24 * 366)).count());
  if (duration && *duration <= kLongest) return std::chrono::milliseconds(static_cast<int64_t>(*duration));
  diagnostics.add(node.at, subject(what) + (duration ? quote(*text) + " is too long; at most 8784h (one year)"
                                                     : duration.error().text));
  return std::nullopt;
}

std::optional<uint64_t> read_number(Diagnostics& diagnostics, const YamlNode& node, std::string_view what, uint64_t low,
                                    uint64_t high) {
  const std::string expected = "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
  const auto text = read_text(diagnostics, node, what, expected);
  if (!text) return std::nullopt;
  const bool digits = !node.quoted && !text->empty() && text->size() <= 19 &&
                      std::all_of(text->begin(), text->end(), [](char c) { return c >= '0' && c <= '9'; });
  const uint64_t value = digits ? std::stoull(*text) : 0;
  if (digits && value >= low && value <= high) return value;
  report_wrong_word(diagnostics, node, what, expected);
  return std::nullopt;
}

std::optional<bool> read_bool(Diagnostics& diagnostics, const YamlNode& node, std::string_view what) {
  if (node.kind == Kind::scalar && !node.quoted && node.text == "true") return true;
  if (node.kind == Kind::scalar && !node.quoted && node.text == "false") return false;
  report_wrong_word(diagnostics, node, what, "true or false");
  return std::nullopt;
}

std::optional<size_t> read_choice(Diagnostics& diagnostics, const YamlNode& node, std::string_view what,
                                  std::span<const std::string> words) {
  const std::string expected = join_or(words);
  const auto text = read_text(diagnostics, node, what, expected);
  if (!text) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), *text);
  if (found != words.end()) return static_cast<size_t>(found - words.begin());
  diagnostics.add(node.at,
                  subject(what) + "expected " + expected + ", got " + quote(*text) + did_you_mean(*text, words));
  return std::nullopt;
}

MapReader::MapReader(Diagnostics& diagnostics, const YamlNode& node, std::string what)
    : diagnostics_(diagnostics), node_(node), what_(std::move(what)) {
  if (node.kind == Kind::mapping || node.kind == Kind::null) return;
  report_wrong_type(diagnostics, node, what_.empty() ? "the file" : what_, "a mapping of keys to values");
}

const YamlNode* MapReader::get(std::string_view key) {
  known_.emplace_back(key);
  for (const YamlEntry& entry : node_.entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

void MapReader::finish() {
  for (const YamlEntry& entry : node_.entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    std::string text = "unknown key " + quote(entry.key);
    if (!what_.empty()) text += " in " + quote(what_);
    const std::string hint = did_you_mean(entry.key, known_);
    text += hint.empty() ? "; the keys here are " + join_or(known_) : hint;
    diagnostics_.add(entry.key_at, std::move(text));
  }
}

} // namespace sporehost
