// What happens to a machine between its first instruction and its end.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "core/base/size.hpp"
#include "core/machine/machine.hpp"

namespace sporehost {

using spore::Result;
using Kind = RunLife::Event::Kind;

namespace {

constexpr size_t kConsoleLinesShown = 12;

} // namespace

Result<Report> Machine::run() {
  planned_.policy->attach(*loop_, planned_.plan, devices_->resizable_memory(), requested_, [this] {
    request_ns_ = monotonic_ns();
    plugged_ns_ = 0;
    plugging_ = std::make_unique<TerminalProgress>(STDERR_FILENO, "memory");
  });
  devices_->arm_doorbells();
  vcpus_ = std::make_unique<VcpuThreads>(*backend_.backend, [this](uint32_t index, const Result<VcpuExit>& exit) {
    loop_->post([this, index, exit] { on_vcpu_exit(index, exit); });
  });
  if (planned_.plan.requested_bytes != 0) request_ns_ = monotonic_ns();
  SPORE_CHECK(
      vcpus_->start(config_.cpus, [this](uint32_t index) { return board_->prepare_vcpu(*backend_.backend, index); }));
  carry_out(life_.start(std::chrono::nanoseconds(monotonic_ns() - started_ns_)));
  loop_->run();
  Watchdog::life_is_over();
  vcpus_->stop();
  planned_.policy->detach();
  plugging_.reset();
  console_->finish();
  session_->finish();
  return make_report();
}

// ---- the state machine's hands -------------------------------------------------------------------------------------

void Machine::feed(const RunLife::Event& event) {
  const RunLife::State before = life_.state();
  const RunLife::Actions actions = life_.on(event);
  if (before != life_.state())
    spdlog::debug("run: {} in {}: {}", to_string(event.kind), to_string(before), to_string(life_.state()));
  carry_out(actions);
}

void Machine::carry_out(const RunLife::Actions& actions) {
  for (const RunLife::Action& action : actions) {
    switch (action.kind) {
      case RunLife::Action::Kind::arm:
        arm(action.timer, action.delay);
        break;
      case RunLife::Action::Kind::disarm:
        disarm(action.timer);
        break;
      case RunLife::Action::Kind::start_workload:
        session_->start_workload();
        break;
      case RunLife::Action::Kind::stop_workload:
        session_->ask_to_stop(config_.lifecycle.stop_grace);
        break;
      case RunLife::Action::Kind::press_power_button:
        if (const auto gsi = board_->power_button_gsi()) backend_.backend->pulse_irq(*gsi);
        break;
      case RunLife::Action::Kind::power_off:
        session_->power_off();
        break;
      case RunLife::Action::Kind::look_at_memory:
        session_->query_memory();
        break;
      case RunLife::Action::Kind::inform:
        spdlog::info("{}", action.text);
        break;
      case RunLife::Action::Kind::warn:
        spdlog::warn("{}", action.text);
        break;
      case RunLife::Action::Kind::finish:
        loop_->stop();
        break;
    }
  }
}

void Machine::arm(RunLife::Timer timer, std::chrono::nanoseconds delay) {
  static constexpr std::array<Kind, RunLife::kTimers> kFired = {
      Kind::ready_timer, Kind::run_timer, Kind::grace_timer, Kind::goodbye_timer, Kind::memory_timer, Kind::look_timer};
  disarm(timer);
  const auto index = static_cast<size_t>(timer);
  timers_[index] = loop_->start_timer(static_cast<uint64_t>(delay.count()), [this, index] { feed({kFired[index]}); });
}

void Machine::disarm(RunLife::Timer timer) {
  loop_->cancel_timer(std::exchange(timers_[static_cast<size_t>(timer)], 0));
}

// ---- the guest's own end -------------------------------------------------------------------------------------------

// The vCPU that asked must not run on; the decision is the main thread's.
void Machine::on_power_request(PowerRequest request) {
  vcpus_->pause();
  loop_->post([this, request] { on_guest_gone(request == PowerRequest::off); });
}

void Machine::on_plugin_stop(uint32_t how, uint32_t status, const std::string& reason) {
  spdlog::info("{} asks for the machine's end", reason);
  if (vcpus_) vcpus_->pause();
  if (how == SPORE_STOP_STATUS)
    return feed({.kind = Kind::device_stop, .number = static_cast<int>(status), .text = reason});
  on_guest_gone(how == SPORE_STOP_POWER_OFF);
}

void Machine::on_vcpu_exit(uint32_t index, const Result<VcpuExit>& exit) {
  if (!exit) return feed({.kind = Kind::fault, .text = exit.error().text});
  switch (exit->reason) {
    case SPORE_EXIT_POWER_OFF:
      return on_guest_gone(true);
    case SPORE_EXIT_SHUTDOWN:
    case SPORE_EXIT_RESET:
      return on_guest_gone(false);
    default:
      return feed({.kind = Kind::fault,
                   .text = fmt::format("vCPU {} cannot go on at {:#x}: {}", index, exit->address, exit->text)});
  }
}

void Machine::on_guest_gone(bool powered_off) {
  if (powered_off) return feed({Kind::powered_off});
  feed({.kind = Kind::reset, .text = console_->panic_line()});
}

// ---- workload ------------------------------------------------------------------------------------------------------

Outcome Machine::workload_outcome() const {
  const guest::Exit& exit = *session_->exit();
  switch (exit.kind) {
    case guest::ExitKind::kExited:
      return {RunEnd::workload, exit.code & 0xff, ""};
    case guest::ExitKind::kSignalled:
      return {RunEnd::workload, kExitSignalBase + (exit.code & 0x7f),
              fmt::format("the workload was killed by signal {}", exit.code)};
    case guest::ExitKind::kCouldNotStart:
      break;
  }
  return {RunEnd::workload, exit.code == ENOENT ? 127 : 126, "the workload could not start: " + exit.message};
}

void Machine::on_answered() {
  const uint64_t plugged = memory_.elastic() != nullptr ? memory_.elastic()->plugged_bytes() : 0;
  memory_count_.hello(session_->hello()->mem_total_kib * kKiB, plugged, monotonic_ns());
  feed({Kind::hello});
}

void Machine::on_workload_ended() {
  planned_.policy->event(SPORE_EVENT_IDLE);
  feed({.kind = Kind::workload_ended,
        .workload = workload_outcome(),
        .memory_missing = config_.workload.wait_for_memory && !memory_complete()});
}

// ---- memory --------------------------------------------------------------------------------------------------------

void Machine::on_ready() {
  ready_ns_ = monotonic_ns();
  planned_.policy->event(SPORE_EVENT_READY);
}

// Comes once a PLUG request, so it must be cheap: one call to the main thread at a time.
void Machine::on_plugged_changed() {
  if (plugged_posted_.exchange(true)) return;
  loop_->post([this] {
    plugged_posted_ = false;
    look_at_plugged();
  });
}

// There is neither memory nor a slot for more. The policy hears of it by the lower requested size in its next event.
void Machine::on_plug_refused(const std::string& why) {
  loop_->post([this, why] {
    planned_.policy->cannot_grow(why);
    look_at_plugged();
  });
}

void Machine::look_at_plugged() {
  const uint64_t plugged = memory_.elastic()->plugged_bytes();
  if (plugged == requested_.get() && request_ns_ != 0) {
    plugging_.reset();
    if (plugged_ns_ == 0) {
      plugged_ns_ = monotonic_ns();
      spdlog::info("memory: {} plugged, {:.0f} ms after the request", format_size(plugged),
                   static_cast<double>(plugged_ns_ - request_ns_) / 1e6);
    }
    session_->query_memory(); // the guest need not notice by itself when part of a Linux memory block comes online
  }
  if (plugging_) plugging_->bytes(plugged, requested_.get());
  planned_.policy->event(SPORE_EVENT_PLUGGED);
}

void Machine::on_guest_memory() {
  const guest::Memory& memory = *session_->memory();
  planned_.policy->guest_memory(memory.total_kib * kKiB, memory.available_kib * kKiB);
  memory_count_.total(memory.total_kib * kKiB, monotonic_ns());
  if (life_.waits_for_memory() && memory_complete()) feed({Kind::memory_complete});
}

bool Machine::memory_complete() const {
  if (planned_.plan.region_bytes == 0) return true;
  return memory_count_.complete(memory_.elastic()->plugged_bytes(), requested_.get(), monotonic_ns());
}

// ---- report --------------------------------------------------------------------------------------------------------

double Machine::ms_since_entry(uint64_t when) const {
  return static_cast<double>(when - vcpus_->first_entry_ns()) / 1e6;
}

Report Machine::make_report() const {
  Report report;
  report.name = config_.name;
  report.backend = backend_.id;
  report.plan_reason = planned_.plan.reason;
  report.ram_mib = planned_.plan.boot_bytes / kMiB;
  report.virtio_mem_mib = planned_.plan.region_bytes / kMiB;
  if (session_->answered_ns() != 0) report.response_ms = ms_since_entry(session_->answered_ns());
  if (ready_ns_ != 0) report.ready_ms = ms_since_entry(ready_ns_);
  if (plugged_ns_ != 0) report.plug_ms = static_cast<double>(plugged_ns_ - request_ns_) / 1e6;
  if (memory_.elastic() != nullptr) report.plugged_mib = memory_.elastic()->plugged_bytes() / kMiB;
  if (session_->hello()) {
    report.kernel_release = session_->hello()->kernel_release;
    report.mem_total_first_kb = session_->hello()->mem_total_kib;
    report.mem_total_last_kb = session_->memory()->total_kib;
  }
  report.ran_ms = ms_since_entry(monotonic_ns());
  report.total_ms = static_cast<double>(monotonic_ns() - started_ns_) / 1e6;
  report.outcome = life_.outcome();
  const auto& [end, status, text] = report.outcome;
  if (end != RunEnd::workload && end != RunEnd::signal && status != 0)
    report.console_tail = console_->last_lines(kConsoleLinesShown);
  report.counters = devices_->counters();
  for (const ObjectHost* host : {backend_.host.get(), planned_.policy_host.get()})
    if (auto counters = host->counters(); !counters.empty()) report.counters[host->name()] = std::move(counters);
  report.counters["channel"] = session_->channel_counters();
  if (const uint64_t left_out = mmio_->log_left_out(); left_out != 0)
    report.counters["mmio"]["log.left-out"] = left_out;
  report.counters["machine"]["lost-interrupts"] = backend_.backend->lost_interrupts();
  if (ElasticRegion* const region = memory_.elastic(); region != nullptr) {
    auto& memory = report.counters["memory"];
    memory["unplugged-accesses"] = unplugged_accesses_.load(std::memory_order_relaxed);
    memory["unplugged-resident-kib"] = region->unplugged_resident_bytes() / kKiB;
    memory["failed-discards"] = region->failed_discards();
    memory["failed-protections"] = region->failed_protections();
    memory["refused-plugs"] = elastic_->refused_plugs();
    memory["plug-us"] = elastic_->plug_ns() / 1000;
  }
  return report;
}

} // namespace sporehost
