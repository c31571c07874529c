// What `plugin list --json`, `plugin inspect` and the merged machine schema print about plugins.
#pragma once

#include "core/plugin/registry.hpp"

#include <nlohmann/json_fwd.hpp>

namespace sporehost::plugin {

// {"path", "state", "reason"?, "rule"?, "id"?, "version"?, "abi"?, "arch"?,
//  "remarks"?: [text], "factories": [{"kind", "id", "summary", "schema", "shadowed_by"?}]}; keys with ? are absent
//  where there is nothing. [main]
[[nodiscard]] nlohmann::json describe(const Plugin& plugin);

// {"abi": "1.0", "folders": [{"path", "why", "exists", "problem"?, "files"}], "plugins": [...]}: of what the registry
// has looked at so far; call scan() before. [main]
[[nodiscard]] nlohmann::json describe(const Registry& registry);

} // namespace sporehost::plugin
