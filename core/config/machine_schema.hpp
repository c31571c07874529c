// The JSON Schema (draft-07) of the machine description, for editors and for `sporehost schema`.
//
// The parser (machine_config.hpp) is what decides; the schema is help while typing. A test keeps the two together.
// Thread tag: [main].
#pragma once

#include <sporehost/result.hpp>

#include <span>
#include <string>
#include <string_view>

namespace sporehost {

// The text of config/machine.schema.json, as it was when this program was built.
[[nodiscard]] std::string_view base_machine_schema();

enum class PluginKind { device, backend, memory_policy };

// What a plugin that is present says about itself.
struct PluginSchema {
  PluginKind kind = PluginKind::device;
  std::string id;
  std::string description; // one line
  std::string options;     // its JSON Schema; empty: no options
};

// The base with the plugins that are there: their ids are offered where a plugin is named, and the options of each are
// checked where it is used. Ids that are not among them stay allowed, since an editor may see fewer folders than a run.
// A plugin with a broken schema is left without options checks and named in `skipped`, if that is given.
// Errors: SPORE_E_INVALID if `base` is not such a schema.
[[nodiscard]] spore::Result<std::string> merged_machine_schema(std::string_view base,
                                                               std::span<const PluginSchema> plugins,
                                                               std::string* skipped = nullptr);

} // namespace sporehost
