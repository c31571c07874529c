#include "core/host/plan_sizes.hpp"

#include <algorithm>
#include <bit>

#include "core/base/page.hpp"
#include "core/base/size.hpp"
#include "core/board/board.hpp"

namespace sporehost {

using spore::fail;
using spore::Result;

Result<void> check_plan_sizes(const MemoryPlan& plan) {
  const auto broken = [](const std::string& what) { return fail(SPORE_E_INVALID, "its plan is unusable: " + what); };
  const uint64_t page = host_page_bytes();
  if (plan.boot_bytes == 0 || plan.boot_bytes % page != 0)
    return broken("boot_bytes " + std::to_string(plan.boot_bytes) + " must be a multiple of this host's page, " +
                  format_size(page) + ", and not 0");
  if (!std::has_single_bit(plan.block_bytes) || !std::has_single_bit(plan.slot_bytes) ||
      plan.slot_bytes < plan.block_bytes)
    return broken("block_bytes and slot_bytes must be powers of two, the slot at least a block");
  if (plan.block_bytes < page)
    return broken("block_bytes " + std::to_string(plan.block_bytes) + " must be at least a page of this host, " +
                  format_size(page));
  if (plan.region_bytes % plan.block_bytes != 0 || plan.requested_bytes % plan.block_bytes != 0)
    return broken("region_bytes and requested_bytes must be multiples of the block, " + format_size(plan.block_bytes));
  if (plan.requested_bytes > plan.region_bytes) return broken("requested_bytes is larger than region_bytes");
  if (plan.boot_bytes + plan.region_bytes < plan.boot_bytes) return broken("boot and region overflow 64 bits");
  MemoryPlan fitted = plan;
  (void)fit_region(fitted); // what is left out needs no place
  const auto board = make_board(fitted.boot_bytes, fitted.region_bytes, kMostAddressBits);
  if (!board) return board.error().in("its plan is unusable");
  return {};
}

std::optional<std::string> fit_region(MemoryPlan& plan) {
  const uint64_t unit = std::max(memory_block_bytes(plan.boot_bytes), plan.block_bytes);
  const uint64_t left_out = plan.region_bytes % unit;
  if (left_out == 0) return std::nullopt;
  plan.region_bytes -= left_out;
  plan.requested_bytes = std::min(plan.requested_bytes, plan.region_bytes);
  return format_size(left_out) + " of the region are left out, since Linux adds memory in whole blocks of " +
         format_size(unit);
}

} // namespace sporehost
