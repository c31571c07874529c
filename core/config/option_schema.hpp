// A plugin's JSON Schema for its options: checks what the file says, fills in defaults, gives the canonical form.
//
// The schema is JSON Schema draft-07 (validated with valijson), with these rules of the host:
//   - The whole is an object schema: "type": "object".
//   - An object is closed: keys that it does not list are refused, unless it says "additionalProperties" itself, has
//     "patternProperties", or is put together with allOf, anyOf, oneOf, not, if or $ref.
//   - "default" is filled in, at every depth reached through properties, items and allOf. An absent object with
//     defaults inside is made, where that leaves nothing required missing.
//   - A property {"type": "string", "format": "size"} (or "type": ["string", "integer"]) takes the spellings of
//     core/base/size.hpp, or a plain number of bytes, and the plugin gets an **integer of bytes**. "format": "duration"
//     likewise gives **milliseconds**, but a user must write the unit. Their default, enum, const, minimum and maximum
//     may be spelled the same way. Such a schema may also be one branch of anyOf or oneOf, for "auto or a size".
//   - "$ref" may only point into the same schema ("#/definitions/x") and not to something that contains it.
//   - Bounds: 256 KiB of text, depth 32, 20000 values once references are expanded, 1024 bytes a pattern. A string
//     given as an option has at most 4096 bytes.
//
// The schema text comes from a plugin and is not trusted to be right: a broken one is an error value
// (SPORE_E_INVALID), found by parse(). Thread tag: [main].
#pragma once

#include <sporehost/result.hpp>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/config/option_tree.hpp"

namespace sporehost {

class OptionSchema {
 public:
  // `owner` names the plugin in messages, such as "virtio-mem". Also checks that every default fits its own schema.
  [[nodiscard]] static spore::Result<OptionSchema> parse(std::string_view text, std::string owner);

  // The options as the plugin gets them: JSON text, keys sorted, no blanks. Errors are SPORE_E_INVALID, one
  // `file:line:column: options of <owner>, <JSON pointer>: ...` line a mistake.
  [[nodiscard]] spore::Result<std::string> apply(const OptionTree& options) const;

  // The schema for editors: references expanded, objects closed, sizes and durations as patterns.
  [[nodiscard]] nlohmann::json for_editors() const;

 private:
  OptionSchema() = default;

  std::string owner_;
  nlohmann::json spelled_;   // references expanded, objects closed
  nlohmann::json canonical_; // the same with sizes and durations as integers: what valijson checks
};

// parse() and apply() in one.
[[nodiscard]] spore::Result<std::string> validate_options(const OptionTree& options, std::string_view schema,
                                                          const std::string& owner);

} // namespace sporehost
