// Turns a plugin's schema text into the forms that the host works with. Internal to core/config; rules in
// option_schema.hpp. Thread tag: [main].
#pragma once

#include <sporehost/result.hpp>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace sporehost {

enum class UnitFormat { size, duration };

// Whether this schema describes a size or a duration.
[[nodiscard]] std::optional<UnitFormat> unit_format(const nlohmann::json& schema);

// The number behind a value of that format, spelled or plain: bytes or milliseconds, at most INT64_MAX.
[[nodiscard]] spore::Result<int64_t> unit_value(UnitFormat format, const nlohmann::json& value);

// The spelling of a number of that format.
[[nodiscard]] std::string unit_text(UnitFormat format, int64_t value);

// References expanded and objects closed.
[[nodiscard]] spore::Result<nlohmann::json> expand_schema(std::string_view text);

// Sizes and durations become integers.
[[nodiscard]] spore::Result<nlohmann::json> canonical_schema(const nlohmann::json& expanded);

// Sizes and durations become "an integer, or text of this pattern".
[[nodiscard]] nlohmann::json editor_schema(const nlohmann::json& expanded);

} // namespace sporehost
