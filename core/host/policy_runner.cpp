#include "core/host/policy_runner.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <sporehost/memory_policy.hpp>

#include "core/base/foreign_text.hpp"
#include "core/base/page.hpp"
#include "core/base/size.hpp"
#include "core/host/plan_sizes.hpp"

namespace sporehost {

using spore::fail;
using spore::Result;

namespace {

constexpr uint64_t kDefaultBlock = 2 * kMiB;
constexpr uint64_t kDefaultSlot = 128 * kMiB;
// A guest that plugs 16 GiB makes a hundred events in a few seconds; what the host has left is not read for each of
// them.
constexpr uint64_t kHostMemoryFreshNs = 1'000'000'000;

// What a policy may cost its machine (docs/memory-policies.md): the shortest and the longest tick, how often the
// requested size may change, and how long on_event may take before it is told.
constexpr uint64_t kTickLeastMs = 10;
constexpr uint64_t kTickMostMs = uint64_t{366} * 24 * 3600 * 1000;
constexpr uint64_t kNsPerMs = 1'000'000;
constexpr uint64_t kSlowEventNs = 100 * kNsPerMs;

} // namespace

spore_memory_facts with_probe(spore_memory_facts facts, const Probe& probe) {
  if (!probe.usable) return facts;
  facts.backend_can_grow = probe.can(SPORE_CAN_GROW) ? 1 : 0;
  facts.page_bytes = std::max(probe.page_bytes, host_page_bytes());
  facts.memory_slots_max = probe.memory_slots_max;
  facts.guest_address_bits = probe.guest_address_bits;
  return facts;
}

Result<MemoryPlan> PolicyRunner::plan(const spore_memory_request& request, const spore_memory_facts& facts) {
  TextRoom<512> room;
  spore_memory_plan raw{};
  raw.size = sizeof raw;
  raw.reason = room.text();
  SPORE_CHECK(policy_.ask("plan", [&](spore_error* error) {
    const auto ops = policy_.ops<spore_memory_policy_ops>();
    return ops->plan(policy_.self(), &request, &facts, &raw, error);
  }));
  if (raw.size != sizeof raw || raw.reserved != 0) return broken_fill("plan").in(policy_.origin());
  MemoryPlan plan{raw.boot_bytes,  raw.region_bytes, raw.requested_bytes,
                  raw.block_bytes, raw.slot_bytes,   room.read(raw.reason)};
  if (plan.block_bytes == 0) plan.block_bytes = kDefaultBlock;
  if (plan.slot_bytes == 0) plan.slot_bytes = std::max(kDefaultSlot, plan.block_bytes);
  if (auto checked = check_plan_sizes(plan); !checked) return checked.error().in(policy_.origin());
  planned_region_ = plan.region_bytes;
  if (const auto left_out = fit_region(plan)) {
    plan.reason += "; " + *left_out;
    log_.write(SPORE_LOG_WARN, [&] {
      return fmt::format("{}: plans a region of {}; {}", policy_.origin(), format_size(planned_region_), *left_out);
    });
  }
  return plan;
}

void PolicyRunner::attach(EventLoop& loop, const MemoryPlan& plan, ResizableMemory device, RequestedSize& requested,
                          std::function<void()> requested_changed) {
  loop_ = &loop;
  requested_ = &requested;
  requested_changed_ = std::move(requested_changed);
  plan_ = plan;
  device_ = device;
}

void PolicyRunner::detach() {
  if (loop_ != nullptr) {
    loop_->cancel_timer(tick_timer_);
    loop_->cancel_timer(held_timer_);
  }
  loop_ = nullptr;
  device_ = {};
  held_.reset();
}

void PolicyRunner::guest_memory(uint64_t total, uint64_t available) {
  guest_total_ = total;
  guest_available_ = available;
}

void PolicyRunner::event(uint32_t type) {
  if (type == SPORE_EVENT_READY) ready_ = true;
  spore_memory_event event{};
  event.type = type;
  deliver(event);
}

void PolicyRunner::operator_request(uint64_t bytes) {
  spore_memory_event event{};
  event.type = SPORE_EVENT_OPERATOR;
  event.operator_bytes = bytes;
  deliver(event);
}

void PolicyRunner::deliver(const spore_memory_event& happened) {
  if (loop_ == nullptr) return;
  spore_memory_event event = happened;
  event.size = sizeof event;
  const spore_memory_state state = memory_state(event.type);
  TextRoom<512> room;
  spore_memory_action raw{};
  raw.size = sizeof raw;
  raw.reason = room.text();
  const uint64_t before = monotonic_ns();
  const bool decided = call_plugin(policy_.who(), "on_event", [&] {
    policy_.ops<spore_memory_policy_ops>()->on_event(policy_.self(), &event, &state, &raw);
  });
  if (const uint64_t took = monotonic_ns() - before; took > kSlowEventNs)
    log_.write(SPORE_LOG_WARN, [&] {
      return policy_.origin() + " took " + std::to_string(took / kNsPerMs) +
             " ms in on_event, which must not block: the machine waited for it";
    });
  if (raw.size != sizeof raw) {
    log_.write(SPORE_LOG_ERROR, [&] {
      return policy_.origin() + ": on_event changed the size of its struct (SDK-26); nothing is done";
    });
    return;
  }
  if (!decided) return; // what it left in `raw` is no decision
  carry_out({raw.change != 0, raw.requested_bytes, raw.tick_ms, room.read(raw.reason)});
}

spore_memory_state PolicyRunner::memory_state(uint32_t event) {
  spore_memory_state state{};
  state.size = sizeof state;
  state.ready = ready_ ? 1 : 0;
  state.boot_bytes = plan_.boot_bytes;
  state.region_bytes = plan_.region_bytes;
  state.requested_bytes = requested();
  state.plugged_bytes = plugged();
  state.guest_total_bytes = guest_total_;
  state.guest_available_bytes = guest_available_;
  state.host_available_bytes = host_available(event);
  return state;
}

uint64_t PolicyRunner::host_available(uint32_t event) {
  const uint64_t now = monotonic_ns();
  if (event != SPORE_EVENT_PLUGGED || host_read_ns_ == 0 || now - host_read_ns_ >= kHostMemoryFreshNs) {
    host_available_ = read_host_memory().available;
    host_read_ns_ = now;
  }
  return host_available_;
}

void PolicyRunner::carry_out(const MemoryAction& action) {
  arm_tick(action.tick_ms);
  if (!action.change || action.requested_bytes == requested()) {
    // A size that is requested already is no news, neither for the log nor for the guest. One that waits is dropped.
    if (action.change) held_.reset();
    if (!action.reason.empty())
      log_.write(SPORE_LOG_DEBUG,
                 [&] { return fmt::format("leaves {} requested: {}", format_size(requested()), action.reason); });
    return;
  }
  if (device_.table == nullptr) {
    log_.write(SPORE_LOG_WARN, [&] {
      return "asks for " + format_size(action.requested_bytes) + ", but this machine has no memory to resize";
    });
    return;
  }
  if (const uint64_t wait = pace_.wait_ns(monotonic_ns()); wait != 0) return hold(action, wait);
  held_.reset();
  request(action);
}

// Too many changes: the latest waits for its turn.
void PolicyRunner::hold(const MemoryAction& action, uint64_t wait_ns) {
  const bool armed = held_.has_value();
  held_ = action;
  if (armed) return;
  log_.write(SPORE_LOG_WARN, [&] {
    return policy_.origin() + " changes the requested size too often; from here on at most once in " +
           std::to_string(RequestPace::kEachNs / kNsPerMs) + " ms, and the latest counts";
  });
  loop_->cancel_timer(held_timer_); // of one that was dropped
  held_timer_ = loop_->start_timer(wait_ns, [this] {
    if (!held_) return;
    const MemoryAction latest = *std::exchange(held_, std::nullopt);
    (void)pace_.wait_ns(monotonic_ns());
    request(latest);
  });
}

void PolicyRunner::request(const MemoryAction& action) {
  const uint64_t wanted = cut_to_what_there_is(action.requested_bytes);
  if (wanted == requested()) return;
  if (wanted > plan_.region_bytes || wanted % plan_.block_bytes != 0) {
    log_.write(SPORE_LOG_ERROR, [&] {
      return fmt::format(
          "{}: request of {} refused: it must be a multiple of the block, {}, and at most the region, {}",
          policy_.origin(), format_size(wanted), format_size(plan_.block_bytes), format_size(plan_.region_bytes));
    });
    return;
  }
  set_requested(wanted);
  if (requested_changed_) requested_changed_();
  log_.write(SPORE_LOG_INFO, [&] { return fmt::format("requests {}: {}", format_size(wanted), action.reason); });
}

void PolicyRunner::set_requested(uint64_t bytes) {
  requested_->set(bytes);
  call_plugin(device_.who, "requested_changed", [&] { device_.table->requested_changed(device_.self); });
}

uint64_t PolicyRunner::plugged() const {
  if (device_.table == nullptr) return 0;
  spore_resizable_state device{};
  device.size = sizeof device;
  spore_status status = SPORE_E_INTERNAL;
  call_plugin(device_.who, "state", [&] { status = device_.table->state(device_.self, &device); });
  return status == SPORE_OK ? device.plugged_bytes : requested(); // of one that does not say nothing is taken back
}

// The region may be smaller than the policy planned it (fit_region), and the host may have come to its end. That end
// holds until something is given back.
uint64_t PolicyRunner::cut_to_what_there_is(uint64_t bytes) {
  if (bytes <= planned_region_) bytes = std::min(bytes, plan_.region_bytes);
  if (!ceiling_ || bytes <= *ceiling_) return bytes;
  if (plugged() < *ceiling_) {
    ceiling_.reset();
    return bytes;
  }
  log_.write(SPORE_LOG_WARN, [&] {
    return "asks for " + format_size(bytes) + ", but more than " + format_size(*ceiling_) + " cannot be plugged";
  });
  return *ceiling_;
}

void PolicyRunner::cannot_grow(const std::string& why) {
  if (loop_ == nullptr || device_.table == nullptr) return;
  const uint64_t there = plugged();
  const uint64_t before = requested();
  if (there >= before) return;
  ceiling_ = there;
  set_requested(there);
  log_.write(SPORE_LOG_ERROR, [&] {
    return "of " + format_size(before) + " only " + format_size(there) + " can be plugged: " + why +
           "; the requested size is lowered to what is plugged";
  });
}

void PolicyRunner::arm_tick(uint64_t tick_ms) {
  if (tick_ms == 0) return;
  loop_->cancel_timer(tick_timer_);
  tick_timer_ = loop_->start_timer(std::clamp(tick_ms, kTickLeastMs, kTickMostMs) * kNsPerMs,
                                   [this] { event(SPORE_EVENT_TICK); });
}

} // namespace sporehost
