#include "core/host/policy_runner.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <sporehost/memory_policy.hpp>

#include "core/base/foreign_text.hpp"
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

// Adds a sentence to a reason, where there is room for it.
void add_to_reason(spore_memory_plan& plan, const std::string& sentence) {
  spore::give_reason(plan, std::string(plan.reason) + "; " + sentence);
}

} // namespace

// A policy without the wrapper's thunks can let an exception out, which is its fault and not ours.
template <typename Call>
Result<void> PolicyRunner::call_plan(Call&& call, const spore_error& error) {
  spore_status status = SPORE_OK;
  try {
    status = call();
  } catch (...) {
    return fail(SPORE_E_INTERNAL, policy_.origin() + ": plan let an exception out (SDK-7)");
  }
  if (auto outcome = outcome_of("plan", status, error); !outcome) return outcome.error().in(policy_.origin());
  return {};
}

Result<spore_memory_plan> PolicyRunner::plan(const spore_memory_request& request, const spore_memory_facts& facts) {
  const auto ops = policy_.ops<spore_memory_policy_ops>();
  spore_memory_plan plan{};
  plan.size = sizeof plan;
  spore_error error{};
  SPORE_CHECK(call_plan([&] { return ops->plan(policy_.self(), &request, &facts, &plan, &error); }, error));
  if (plan.block_bytes == 0) plan.block_bytes = kDefaultBlock;
  if (plan.slot_bytes == 0) plan.slot_bytes = std::max(kDefaultSlot, plan.block_bytes);
  clean_field(plan.reason);
  if (auto checked = check_plan_sizes(plan); !checked) return checked.error().in(policy_.origin());
  planned_region_ = plan.region_bytes;
  if (const auto left_out = fit_region(plan)) {
    add_to_reason(plan, *left_out);
    log_.write(SPORE_LOG_WARN, [&] {
      return fmt::format("{}: plans a region of {}; {}", policy_.origin(), format_size(planned_region_), *left_out);
    });
  }
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
  const uint64_t before = monotonic_ns();
  const bool decided = call_plugin(policy_.who(), "on_event", [&] {
    policy_.ops<spore_memory_policy_ops>()->on_event(policy_.self(), &event, &state, &action);
  });
  if (const uint64_t took = monotonic_ns() - before; took > kSlowEventNs)
    log_.write(SPORE_LOG_WARN, [&] {
      return policy_.origin() + " took " + std::to_string(took / kNsPerMs) +
             " ms in on_event, which must not block: the machine waited for it";
    });
  if (!decided) return; // what it left in `action` is no decision
  clean_field(action.reason);
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
  if (action.change == 0 || action.requested_bytes == requested_) {
    // A size that is requested already is no news, neither for the log nor for the guest. One that waits is dropped.
    if (action.change != 0) held_.reset();
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
  if (const uint64_t wait = pace_.wait_ns(monotonic_ns()); wait != 0) return hold(action, wait);
  held_.reset();
  request(action);
}

// Too many changes: the latest waits for its turn.
void PolicyRunner::hold(const spore_memory_action& action, uint64_t wait_ns) {
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
    const spore_memory_action latest = *std::exchange(held_, std::nullopt);
    (void)pace_.wait_ns(monotonic_ns());
    request(latest);
  });
}

void PolicyRunner::request(const spore_memory_action& action) {
  const uint64_t wanted = cut_to_what_there_is(action.requested_bytes);
  if (wanted == requested_) return;
  spore_error error{};
  const auto asked = outcome_of("request", device_.table->request(device_.self, wanted, &error), error);
  if (!asked) {
    log_.write(SPORE_LOG_ERROR, [&] {
      return fmt::format("{}: request of {} refused: {}", policy_.origin(), format_size(wanted), asked.error().text);
    });
    return;
  }
  requested_ = wanted;
  if (requested_changed_) requested_changed_();
  log_.write(SPORE_LOG_INFO, [&] { return fmt::format("requests {}: {}", format_size(requested_), action.reason); });
}

uint64_t PolicyRunner::plugged() const {
  spore_resizable_state device{};
  device.size = sizeof device;
  device_.table->state(device_.self, &device);
  return device.plugged_bytes;
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
  if (there >= requested_) return;
  spore_error error{};
  const auto asked = outcome_of("request", device_.table->request(device_.self, there, &error), error);
  if (!asked) {
    log_.write(SPORE_LOG_ERROR, [&] {
      return fmt::format("the requested size cannot be lowered to {}: {}", format_size(there), asked.error().text);
    });
    return;
  }
  log_.write(SPORE_LOG_ERROR, [&] {
    return "of " + format_size(requested_) + " only " + format_size(there) + " can be plugged: " + why +
           "; the requested size is lowered to what is plugged";
  });
  ceiling_ = requested_ = there;
}

void PolicyRunner::arm_tick(uint64_t tick_ms) {
  if (tick_ms == 0) return;
  loop_->cancel_timer(tick_timer_);
  tick_timer_ = loop_->start_timer(std::clamp(tick_ms, kTickLeastMs, kTickMostMs) * kNsPerMs,
                                   [this] { event(SPORE_EVENT_TICK); });
}

} // namespace sporehost
