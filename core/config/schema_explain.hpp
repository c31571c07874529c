// Says for a person why an option does not fit its schema. Only words: valijson has already decided that it does not.
// Internal to core/config. Thread tag: [main].
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace sporehost {

// `spelled` and `canonical` are the forms of the schema, `written` and `value` those of the options (see
// option_schema.hpp); `pointer` is the place of the mistake. Falls back to `otherwise`, the validator's own words.
[[nodiscard]] std::string explain(const nlohmann::json& spelled, const nlohmann::json& canonical,
                                  const nlohmann::json& written, const nlohmann::json& value,
                                  const std::string& pointer, const std::string& otherwise);

} // namespace sporehost
