// A plugin's options as they stand in the YAML file: JSON values that remember their place.
//
// Plain YAML scalars become JSON by the core schema of YAML 1.2 (null, true/false, integers with 0x and 0o, floats);
// quoted ones stay strings, and so does everything else, `yes` and `512MiB` among it. Integers must fit into 64 signed
// bits; .inf and .nan are refused, since JSON has neither. Thread tag: [main]; a plain value.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/config/diagnostics.hpp"
#include "core/config/yaml_node.hpp"

namespace sporehost {

struct OptionTree {
  nlohmann::json value = nlohmann::json::object();
  std::map<std::string, Position> values; // JSON pointer -> where that value begins ("" is the whole)
  std::map<std::string, Position> keys;   // JSON pointer -> where the key before that value begins
  std::string file;                       // for messages

  // Where the value stands; for a pointer to nothing (a missing option), where the nearest value around it does.
  [[nodiscard]] Position value_at(std::string pointer) const;
  // Where the key of that value stands; where it has none, its value.
  [[nodiscard]] Position key_at(const std::string& pointer) const;
};

// `pointer` plus one token, escaped (RFC 6901).
[[nodiscard]] std::string extend_pointer(const std::string& pointer, std::string_view token);

// Any node as an option value, an object or not. What JSON cannot hold is reported and left null.
[[nodiscard]] OptionTree make_option_tree(const YamlNode& node, Diagnostics& diagnostics);

} // namespace sporehost
