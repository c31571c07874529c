#include "core/machine/policy_runner.hpp"

#include <spdlog/fmt/fmt.h>

#include <bit>
#include <fstream>
#include <sporehost/plugin.hpp>

#include "core/base/page.hpp"
#include "core/base/size.hpp"

namespace sporehost {

using spore::fail;
using spore::Result;

namespace {

constexpr uint64_t kDefaultBlock = 2 * kMiB;
constexpr uint64_t kDefaultSlot = 128 * kMiB;
// A guest that plugs 16 GiB makes a hundred events in a few seconds; what the host has left is not read for each of
// them.
constexpr uint64_t kHostMemoryFreshNs = 1'000'000'000;

void terminate_text(char* text, size_t capacity) {
  text[capacity - 1] = '\0';
}

Result<void> check(const spore_memory_plan& plan) {
  const auto broken = [](const std::string& what) { return fail(SPORE_E_INVALID, "its plan is unusable: " + what); };
  if (plan.boot_bytes == 0 || plan.boot_bytes % host_page_bytes() != 0)
    return broken("boot_bytes " + std::to_string(plan.boot_bytes) + " must be a multiple of this host's page, " +
                  format_size(host_page_bytes()) + ", and not 0");
  if (!std::has_single_bit(plan.block_bytes) || !std::has_single_bit(plan.slot_bytes) ||
      plan.slot_bytes < plan.block_bytes)
    return broken("block_bytes and slot_bytes must be powers of two, the slot at least a block");
  if (plan.region_bytes % plan.block_bytes != 0 || plan.requested_bytes % plan.block_bytes != 0)
    return broken("region_bytes and requested_bytes must be multiples of the block, " + format_size(plan.block_bytes));
  if (plan.requested_bytes > plan.region_bytes) return broken("requested_bytes is larger than region_bytes");
  if (plan.boot_bytes + plan.region_bytes < plan.boot_bytes) return broken("boot and region overflow 64 bits");
  return {};
}

} // namespace

Result<spore_memory_plan> PolicyRunner::plan(const spore_memory_request& request, const spore_memory_facts& facts) {
  const auto* ops = policy_.ops<spore_memory_policy_ops>();
  spore_memory_plan plan{};
  plan.size = sizeof plan;
  spore_error error{};
  auto planned = spore::from_status(ops->plan(policy_.self(), &request, &facts, &plan, &error), error);
  if (!planned) return planned.error().in(policy_.origin());
  if (plan.block_bytes == 0) plan.block_bytes = kDefaultBlock;
  if (plan.slot_bytes == 0) plan.slot_bytes = std::max(kDefaultSlot, plan.block_bytes);
  terminate_text(plan.reason, sizeof plan.reason);
  if (auto checked = check(plan); !checked) return checked.error().in(policy_.origin());
  return plan;
}

void PolicyRunner::attach(EventLoop& loop, const spore_memory_plan& plan, ResizableMemory device,
                          std::function<void()> requested_changed) {
  loop_ = &loop;
  requested_changed_ = std::move(requested_changed);
  plan_ = plan;
  device_ = device;
  requested_ = plan.requested_bytes;
}

void PolicyRunner::detach() {
  if (loop_ != nullptr) loop_->cancel_timer(tick_timer_);
  loop_ = nullptr;
  device_ = {};
}

void PolicyRunner::guest_memory(uint64_t total, uint64_t available) {
  guest_total_ = total;
  guest_available_ = available;
}

void PolicyRunner::event(uint32_t type) {
  if (type == SPORE_EVENT_READY) ready_ = true;
  deliver(spore_memory_event{sizeof(spore_memory_event), type, 0, 0, 0});
}

void PolicyRunner::operator_request(uint64_t bytes) {
  deliver(spore_memory_event{sizeof(spore_memory_event), SPORE_EVENT_OPERATOR, bytes, 0, 0});
}

void PolicyRunner::deliver(const spore_memory_event& event) {
  if (loop_ == nullptr) return;
  spore_resizable_state device{};
  device.size = sizeof device;
  if (device_.table != nullptr) device_.table->state(device_.self, &device);
  const spore_memory_state state{
      sizeof(spore_memory_state), ready_ ? 1u : 0u, plan_.boot_bytes, plan_.region_bytes,        requested_,
      device.plugged_bytes,       guest_total_,     guest_available_, host_available(event.type)};
  spore_memory_action action{};
  action.size = sizeof action;
  policy_.ops<spore_memory_policy_ops>()->on_event(policy_.self(), &event, &state, &action);
  terminate_text(action.reason, sizeof action.reason);
  carry_out(action);
}

uint64_t PolicyRunner::host_available(uint32_t event) {
  const uint64_t now = monotonic_ns();
  if (event != SPORE_EVENT_PLUGGED || host_read_ns_ == 0 || now - host_read_ns_ >= kHostMemoryFreshNs) {
    host_available_ = read_host_memory().available;
    host_read_ns_ = now;
  }
  return host_available_;
}

void PolicyRunner::carry_out(const spore_memory_action& action) {
  arm_tick(action.tick_ms);
  if (action.change == 0) {
    if (action.reason[0] != '\0')
      log_.write(SPORE_LOG_DEBUG,
                 [&] { return fmt::format("leaves {} requested: {}", format_size(requested_), action.reason); });
    return;
  }
  if (device_.table == nullptr) {
    log_.write(SPORE_LOG_WARN, [&] {
      return "asks for " + format_size(action.requested_bytes) + ", but this machine has no memory to resize";
    });
    return;
  }
  spore_error error{};
  if (device_.table->request(device_.self, action.requested_bytes, &error) != SPORE_OK) {
    log_.write(SPORE_LOG_ERROR, [&] {
      return fmt::format("{}: request of {} refused: {}", policy_.origin(), format_size(action.requested_bytes),
                         error.text);
    });
    return;
  }
  const bool changed = requested_ != action.requested_bytes;
  requested_ = action.requested_bytes;
  if (changed && requested_changed_) requested_changed_();
  log_.write(SPORE_LOG_INFO, [&] { return fmt::format("requests {}: {}", format_size(requested_), action.reason); });
}

void PolicyRunner::arm_tick(uint64_t tick_ms) {
  if (tick_ms == 0) return;
  loop_->cancel_timer(tick_timer_);
  tick_timer_ = loop_->start_timer(tick_ms * 1'000'000, [this] { event(SPORE_EVENT_TICK); });
}

HostMemory read_host_memory() {
  std::ifstream meminfo("/proc/meminfo");
  HostMemory memory;
  std::string key, unit;
  uint64_t kib = 0;
  while (meminfo >> key >> kib) {
    std::getline(meminfo, unit);
    if (key == "MemTotal:") memory.total = kib * kKiB;
    if (key == "MemAvailable:") memory.available = kib * kKiB;
    if (memory.total != 0 && memory.available != 0) break;
  }
  return memory;
}

} // namespace sporehost
