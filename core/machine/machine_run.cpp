// What happens to a machine between its first instruction and its end.
#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "core/base/size.hpp"
#include "core/machine/machine.hpp"

namespace sporehost {

using spore::Result;
using namespace std::chrono_literals;

namespace {

constexpr auto kPlugTimeout = 120s;   // how long a workload's end may wait for memory
constexpr auto kPowerOffTimeout = 5s; // how long the agent may take to say goodbye
constexpr size_t kConsoleLinesShown = 12;

uint64_t ns(std::chrono::nanoseconds duration) {
  return static_cast<uint64_t>(duration.count());
}

} // namespace

Result<Report> Machine::run(uint64_t spent_ns) {
  planned_.policy->attach(*loop_, planned_.plan, devices_->resizable_memory(), [this] {
    request_ns_ = monotonic_ns();
    plugged_ns_ = 0;
    plugging_ = std::make_unique<kernel::TerminalProgress>(STDERR_FILENO, "memory");
  });
  devices_->arm_doorbells();
  vcpus_ = std::make_unique<VcpuThreads>(*backend_.backend, [this](uint32_t index, const Result<spore_exit>& exit) {
    loop_->post([this, index, exit] { on_vcpu_exit(index, exit); });
  });
  if (planned_.plan.requested_bytes != 0) request_ns_ = monotonic_ns();
  SPORE_CHECK(
      vcpus_->start(config_.cpus, [this](uint32_t index) { return board_->prepare_vcpu(*backend_.backend, index); }));
  arm_timeouts(spent_ns);
  loop_->run();
  vcpus_->stop();
  planned_.policy->detach();
  plugging_.reset();
  console_->finish();
  session_->finish();
  if (!outputs_.flush({.wake_fd = signals_->fd()})) signals_->discard(); // else it ended us before our last words
  return make_report();
}

void Machine::arm_timeouts(uint64_t spent_ns) {
  // A guest with no agent of ours need not answer, unless there is a workload that it should run.
  if (!config_.workload.argv.empty() && config_.lifecycle.ready_timeout.count() > 0)
    loop_->start_timer(ns(config_.lifecycle.ready_timeout), [this] {
      if (session_->hello()) return;
      finish({RunEnd::not_ready, kExitTimeout,
              "the guest did not become ready: PID 1 gave no answer within " +
                  format_duration(static_cast<uint64_t>(config_.lifecycle.ready_timeout.count())) +
                  " (lifecycle.ready-timeout)"});
    });
  if (config_.lifecycle.run_timeout) {
    const uint64_t allowed = ns(*config_.lifecycle.run_timeout);
    loop_->start_timer(allowed - std::min(allowed, spent_ns), [this] {
      finish({RunEnd::run_timeout, kExitTimeout,
              "the run took longer than " +
                  format_duration(static_cast<uint64_t>(config_.lifecycle.run_timeout->count())) +
                  " (lifecycle.run-timeout)"});
    });
  }
}

void Machine::finish(Outcome outcome) {
  if (ended_) return;
  ended_ = true;
  outcome_ = std::move(outcome);
  loop_->stop();
}

// ---- the guest's own end -------------------------------------------------------------------------------------------

// The vCPU that asked must not run on; the decision is the main thread's.
void Machine::on_power_request(PowerRequest request) {
  vcpus_->pause();
  loop_->post([this, request] { on_guest_gone(request == PowerRequest::off); });
}

void Machine::on_vcpu_exit(uint32_t index, const Result<spore_exit>& exit) {
  if (!exit) return finish({RunEnd::fault, kExitFault, exit.error().text});
  switch (exit->reason) {
    case SPORE_EXIT_POWER_OFF:
      return on_guest_gone(true);
    case SPORE_EXIT_SHUTDOWN:
    case SPORE_EXIT_RESET:
      return on_guest_gone(false);
    default:
      return finish({RunEnd::fault, kExitFault,
                     fmt::format("vCPU {} cannot go on at {:#x}: {}", index, exit->address,
                                 std::string_view(exit->text, ::strnlen(exit->text, sizeof exit->text)))});
  }
}

void Machine::on_guest_gone(bool powered_off) {
  if (stop_signal_ != 0 || session_->exit()) return on_said_bye();
  if (powered_off) {
    // Without a workload of ours, powering off is how a guest ends well.
    const bool expected = config_.workload.argv.empty() || !session_->hello();
    return finish({RunEnd::power_off, expected ? 0 : kExitGuest,
                   expected ? "" : "the guest powered off before its workload had ended"});
  }
  const std::string panic = console_->panic_line();
  if (!panic.empty()) return finish({RunEnd::panic, kExitGuest, "the guest's kernel panicked: " + panic});
  finish({RunEnd::guest_reset, kExitGuest, "the guest restarted itself before its workload had ended"});
}

// ---- workload ------------------------------------------------------------------------------------------------------

Outcome Machine::workload_outcome() const {
  if (stop_signal_ != 0)
    return {RunEnd::signal, kExitSignalBase + stop_signal_,
            fmt::format("stopped by SIG{}", ::sigabbrev_np(stop_signal_))};
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

void Machine::on_workload_ended() {
  planned_.policy->event(SPORE_EVENT_IDLE);
  if (stop_signal_ == 0 && config_.workload.wait_for_memory && !memory_complete()) {
    spdlog::info("workload ended; waiting for the guest's memory to be complete");
    loop_->start_timer(ns(kPlugTimeout), [this] {
      spdlog::warn("the guest's memory was not complete {} s after its workload had ended", kPlugTimeout.count());
      session_->power_off();
    });
    return;
  }
  session_->power_off();
  loop_->start_timer(ns(kPowerOffTimeout), [this] { on_said_bye(); });
}

// The agent has synced; nothing of worth happens in the guest any more.
void Machine::on_said_bye() {
  if (stop_signal_ != 0 || session_->exit()) return finish(workload_outcome());
  finish({RunEnd::power_off, kExitGuest, "the guest's agent ended the machine before its workload had ended"});
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
  if (plugged == planned_.policy->requested() && request_ns_ != 0) {
    plugging_.reset();
    if (plugged_ns_ == 0) {
      plugged_ns_ = monotonic_ns();
      spdlog::info("memory: {} plugged, {:.0f} ms after the request", format_size(plugged),
                   static_cast<double>(plugged_ns_ - request_ns_) / 1e6);
    }
    session_->query_memory(); // the guest need not notice by itself when part of a Linux memory block comes online
  }
  if (plugging_) plugging_->bytes(plugged, planned_.policy->requested());
  planned_.policy->event(SPORE_EVENT_PLUGGED);
}

void Machine::on_guest_memory() {
  const guest::Memory& memory = *session_->memory();
  planned_.policy->guest_memory(memory.total_kib * kKiB, memory.available_kib * kKiB);
  if (session_->exit() && config_.workload.wait_for_memory && memory_complete()) session_->power_off();
}

// All that is requested is plugged, and the guest's kernel has all of it in use.
bool Machine::memory_complete() const {
  if (planned_.plan.region_bytes == 0) return true;
  const uint64_t plugged = memory_.elastic()->plugged_bytes();
  if (!session_->is_ready() || plugged != planned_.policy->requested()) return false;
  return session_->memory()->total_kib >= session_->hello()->mem_total_kib + plugged / kKiB;
}

// ---- stopping ------------------------------------------------------------------------------------------------------

// First the guest is asked; whoever asks twice, or waits longer than the grace, ends it.
void Machine::on_signal(int signal) {
  const Outcome forced{RunEnd::signal, kExitSignalBase + signal,
                       fmt::format("stopped by SIG{}: the guest did not end by itself", ::sigabbrev_np(signal))};
  if (stop_signal_ != 0) return finish(forced);
  stop_signal_ = signal;
  const auto grace = config_.lifecycle.stop_grace;
  spdlog::info("SIG{}: asking the guest to stop, for at most {}", ::sigabbrev_np(signal),
               format_duration(static_cast<uint64_t>(grace.count())));
  const bool asked = session_->ask_to_stop(grace);
  if (!asked) {
    // Nobody answers on the channel: there remains the power button.
    if (const auto gsi = board_->power_button_gsi()) backend_.backend->pulse_irq(*gsi);
  }
  // Within the grace the agent only ends the workload; what follows takes it a moment longer.
  loop_->start_timer(ns(asked ? grace + kPowerOffTimeout : grace), [this, forced] { finish(forced); });
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
  report.stdout_open_line = session_->stdout_open_line();
  report.total_ms = static_cast<double>(monotonic_ns() - started_ns_) / 1e6;
  report.outcome = outcome_;
  report.losses = outputs_.losses();
  judge_losses(report);
  if (outcome_.end != RunEnd::workload && outcome_.end != RunEnd::signal && outcome_.exit_status != 0)
    report.console_tail = console_->last_lines(kConsoleLinesShown);
  report.counters = devices_->counters();
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
