// How a rehearsal and its result travel between the two processes, which are one program: plain structs as hexadecimal
// digits, the rest as JSON. What comes back is not trusted: nothing where it does not fit.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "core/host/rehearsal.hpp"

namespace sporehost {

[[nodiscard]] nlohmann::json rehearsal_to_json(const Rehearsal& rehearsal);
[[nodiscard]] std::optional<Rehearsal> rehearsal_from_json(const nlohmann::json& json);

[[nodiscard]] nlohmann::json result_to_json(const spore::Result<Rehearsed>& result);
[[nodiscard]] std::optional<spore::Result<Rehearsed>> result_from_json(const nlohmann::json& json);

} // namespace sporehost
