// Whether the keywords of a plugin's schema hold what JSON Schema wants in them. valijson finds that too, and says
// neither which keyword it was nor where. Internal to core/config. Thread tag: [main].
#pragma once

#include <sporehost/result.hpp>

#include <nlohmann/json.hpp>

namespace sporehost {

// SPORE_E_INVALID: "/properties/size/minimum must be a number". Sizes and durations may be spelled.
[[nodiscard]] spore::Result<void> check_schema_keywords(const nlohmann::json& expanded);

} // namespace sporehost
