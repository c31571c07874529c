// Reads typed values out of a YamlNode. Every complaint goes to the Diagnostics with its place, and reading goes on, so
// that one run names all mistakes. An empty optional means "already reported".
//
// Thread tag: [main]. `what` names the value for a person, such as "lifecycle.stop-grace".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostics.hpp"
#include "core/config/yaml_node.hpp"

namespace sporehost {

// "'memory': expected a size such as 512MiB, got a list", at the node.
void report_wrong_type(Diagnostics& diagnostics, const YamlNode& node, std::string_view what,
                       std::string_view expected);

// The same where a number or true and false are due: a text in quotes is none, although it looks like one.
void report_wrong_word(Diagnostics& diagnostics, const YamlNode& node, std::string_view what,
                       std::string_view expected);

// Any scalar as it was written; `5` and `true` are taken as text.
std::optional<std::string> read_text(Diagnostics& diagnostics, const YamlNode& node, std::string_view what,
                                     std::string_view expected);
std::optional<uint64_t> read_size(Diagnostics& diagnostics, const YamlNode& node, std::string_view what);
std::optional<std::chrono::milliseconds> read_duration(Diagnostics& diagnostics, const YamlNode& node,
                                                       std::string_view what);
// A plain whole number in low..high.
std::optional<uint64_t> read_number(Diagnostics& diagnostics, const YamlNode& node, std::string_view what, uint64_t low,
                                    uint64_t high);
std::optional<bool> read_bool(Diagnostics& diagnostics, const YamlNode& node, std::string_view what);
// One of `words`; gives its index.
std::optional<size_t> read_choice(Diagnostics& diagnostics, const YamlNode& node, std::string_view what,
                                  std::span<const std::string> words);

// A mapping whose keys are all known: get() both asks for a key and makes it known; finish() refuses the others.
// A node that holds nothing reads as an empty mapping, so a section whose lines are all commented out is accepted.
class MapReader {
 public:
  // `what`: "" for the whole file. The node and the diagnostics must outlive the reader.
  MapReader(Diagnostics& diagnostics, const YamlNode& node, std::string what);

  // The key's value, or null where it is absent.
  const YamlNode* get(std::string_view key);
  // Reports the keys that get() was never asked for.
  void finish();

 private:
  Diagnostics& diagnostics_;
  const YamlNode& node_;
  std::string what_;
  std::vector<std::string> known_;
};

} // namespace sporehost
