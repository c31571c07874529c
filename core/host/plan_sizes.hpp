// Whether the sizes in a memory policy's plan can be, and what a guest can use of them. `sporehost plan` and a run both
// ask here, so that the one refuses what the other would.
#pragma once

#include <sporehost/result.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "core/host/memory_plan.hpp"

namespace sporehost {

// The rules of docs/memory-policies.md, which are those of the board, the elastic region and the policy interface;
// `plan` has its defaults filled in. [any] SPORE_E_INVALID or SPORE_E_RANGE; the text says which size and what is wrong
// with it. The width of addresses is the board's widest: the backend's is known to a run alone.
[[nodiscard]] spore::Result<void> check_plan_sizes(const MemoryPlan& plan);

// Rounds the region down to what Linux can use of it: memory is added in whole memory blocks, and the rest would be
// requested and waited for in vain. [any] Gives a sentence for the reason, or nothing where nothing was left out.
[[nodiscard]] std::optional<std::string> fit_region(MemoryPlan& plan);

} // namespace sporehost
