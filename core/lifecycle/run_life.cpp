#include "core/lifecycle/run_life.hpp"

#include <spdlog/fmt/fmt.h>
#include <string.h>

#include <algorithm>

#include "core/base/signal_name.hpp"
#include "core/base/size.hpp"

namespace sporehost {

using namespace std::chrono_literals;
using Kind = RunLife::Event::Kind;
using Do = RunLife::Action::Kind;

namespace {

RunLife::Action arm(RunLife::Timer timer, std::chrono::nanoseconds delay) {
  return {Do::arm, timer, delay};
}

RunLife::Action disarm(RunLife::Timer timer) {
  return {Do::disarm, timer};
}

RunLife::Action inform(std::string text) {
  return {Do::inform, {}, {}, std::move(text)};
}

std::string span(std::chrono::milliseconds time) {
  return format_duration(static_cast<uint64_t>(time.count()));
}

std::string stopped_by(int signal) {
  return fmt::format("stopped by SIG{}", signal_name(signal));
}

Outcome forced(int status, std::string text) {
  return {RunEnd::signal, status, std::move(text) + ": the guest did not end by itself"};
}

} // namespace

RunLife::Actions RunLife::start(std::chrono::nanoseconds spent) const {
  Actions actions;
  // A guest with no agent of ours need not answer, unless there is a workload that it should run.
  if (limits_.has_workload && limits_.ready_timeout.count() > 0)
    actions.push_back(arm(Timer::ready, limits_.ready_timeout));
  if (limits_.run_timeout) {
    const std::chrono::nanoseconds allowed = *limits_.run_timeout;
    actions.push_back(arm(Timer::run, allowed - std::min(allowed, spent)));
  }
  return actions;
}

RunLife::Actions RunLife::on(const Event& event) {
  switch (state_) {
    case State::booting:
      return booting(event);
    case State::running:
      return running(event);
    case State::waiting:
      return waiting(event);
    case State::powering_off:
    case State::hurried:
      return leaving(event);
    case State::stopping:
      return stopping(event);
    case State::ended:
      break;
  }
  return {};
}

// ---- states: each names every event, so that a new one has to be thought about in all of them -----------------------

RunLife::Actions RunLife::booting(const Event& event) {
  switch (event.kind) {
    case Kind::hello:
      state_ = State::running;
      return {disarm(Timer::ready), {Do::start_workload}};
    case Kind::powered_off:
    case Kind::reset:
      return guest_gone(event);
    case Kind::channel_failed:
      return finish({RunEnd::channel, kExitGuest, "the guest's agent: " + event.text});
    case Kind::fault:
      return finish({RunEnd::fault, kExitFault, event.text});
    case Kind::device_stop:
      return finish({RunEnd::device, event.number, event.text});
    case Kind::signal:
      return stop(event.number);
    case Kind::ready_timer:
      return finish({RunEnd::not_ready, kExitTimeout,
                     "the guest did not become ready: PID 1 gave no answer within " + span(limits_.ready_timeout) +
                         " (lifecycle.ready-timeout)"});
    case Kind::run_timer:
      return finish(run_timed_out(limits_.run_timeout.value_or(0ms)));
    case Kind::workload_ended: // none of these comes without a HELLO before it
    case Kind::said_bye:
    case Kind::memory_complete:
    case Kind::grace_timer:
    case Kind::goodbye_timer:
    case Kind::memory_timer:
    case Kind::look_timer:
      break;
  }
  return {};
}

RunLife::Actions RunLife::running(const Event& event) {
  switch (event.kind) {
    case Kind::workload_ended:
      return workload_ended(event);
    case Kind::said_bye:
      return finish(
          {RunEnd::power_off, kExitGuest, "the guest's agent ended the machine before its workload had ended"});
    case Kind::powered_off:
    case Kind::reset:
      return guest_gone(event);
    case Kind::channel_failed:
      return finish({RunEnd::channel, kExitGuest, "the guest's agent: " + event.text});
    case Kind::fault:
      return finish({RunEnd::fault, kExitFault, event.text});
    case Kind::device_stop:
      return finish({RunEnd::device, event.number, event.text});
    case Kind::signal:
      return stop(event.number);
    case Kind::run_timer:
      return finish(run_timed_out(limits_.run_timeout.value_or(0ms)));
    case Kind::hello: // the channel refuses a second one
    case Kind::memory_complete:
    case Kind::ready_timer: // disarmed; it may have been on its way
    case Kind::grace_timer:
    case Kind::goodbye_timer:
    case Kind::memory_timer:
    case Kind::look_timer:
      break;
  }
  return {};
}

RunLife::Actions RunLife::waiting(const Event& event) {
  switch (event.kind) {
    case Kind::memory_complete:
      return ask_power_off(State::powering_off, {disarm(Timer::memory), disarm(Timer::look)});
    case Kind::memory_timer:
      return ask_power_off(State::powering_off, {disarm(Timer::look),
                                                 {Do::warn,
                                                  {},
                                                  {},
                                                  fmt::format("the guest's memory was not complete {} s after its "
                                                              "workload had ended",
                                                              kMemoryPatience.count())}});
    case Kind::look_timer:
      return {{Do::look_at_memory}, arm(Timer::look, kMemoryLook)};
    case Kind::signal:
      // There is no workload left that could be asked; its status is known and stays.
      return ask_power_off(State::hurried,
                           {disarm(Timer::memory), disarm(Timer::look),
                            inform(fmt::format("SIG{}: the workload has ended; not waiting for memory any longer",
                                               signal_name(event.number)))});
    case Kind::said_bye:
    case Kind::powered_off:
    case Kind::reset:
      return finish(outcome_);
    case Kind::channel_failed:
    case Kind::fault:
    case Kind::device_stop:
    case Kind::run_timer:
      return finish_anyway(event);
    case Kind::hello:
    case Kind::workload_ended: // the channel lets only one through
    case Kind::ready_timer:
    case Kind::grace_timer:
    case Kind::goodbye_timer:
      break;
  }
  return {};
}

RunLife::Actions RunLife::leaving(const Event& event) {
  switch (event.kind) {
    case Kind::signal:
      if (state_ == State::hurried) return finish(outcome_);
      state_ = State::hurried;
      return {
          inform(fmt::format("SIG{}: the workload has ended and the guest is powering off; a second signal ends it "
                             "at once",
                             signal_name(event.number)))};
    case Kind::said_bye:
    case Kind::powered_off:
    case Kind::reset:
    case Kind::goodbye_timer:
    case Kind::run_timer: // what was to be done in time is done
      return finish(outcome_);
    case Kind::channel_failed:
    case Kind::fault:
    case Kind::device_stop:
      return finish_anyway(event);
    case Kind::hello:
    case Kind::workload_ended:
    case Kind::memory_complete:
    case Kind::ready_timer:
    case Kind::grace_timer:
    case Kind::memory_timer:
    case Kind::look_timer:
      break;
  }
  return {};
}

RunLife::Actions RunLife::stopping(const Event& event) {
  switch (event.kind) {
    case Kind::workload_ended: // it heard; what it says counts less than that it was stopped
    case Kind::hello:          // asked by the power button, and it answers only now: too late to start anything
      return ask_power_off(State::hurried, {disarm(Timer::grace)});
    case Kind::said_bye:
    case Kind::powered_off:
    case Kind::reset:
      return finish(outcome_);
    case Kind::signal:
      return finish(forced(kExitSignalBase + event.number, stopped_by(event.number)));
    case Kind::grace_timer:
      return finish(forced(outcome_.exit_status, outcome_.text));
    case Kind::channel_failed:
      return finish({RunEnd::channel, kExitGuest, "the guest's agent: " + event.text});
    case Kind::fault:
      return finish({RunEnd::fault, kExitFault, event.text});
    case Kind::device_stop:
      return finish({RunEnd::device, event.number, event.text});
    case Kind::run_timer:
      return finish(run_timed_out(limits_.run_timeout.value_or(0ms)));
    case Kind::memory_complete:
    case Kind::ready_timer: // the grace is what counts now
    case Kind::goodbye_timer:
    case Kind::memory_timer:
    case Kind::look_timer:
      break;
  }
  return {};
}

// ---- steps ----------------------------------------------------------------------------------------------------------

RunLife::Actions RunLife::workload_ended(const Event& event) {
  outcome_ = event.workload;
  if (!event.memory_missing) return ask_power_off(State::powering_off, {});
  state_ = State::waiting;
  return {inform("workload ended; waiting for the guest's memory to be complete"), arm(Timer::memory, kMemoryPatience),
          arm(Timer::look, kMemoryLook)};
}

// Before the workload's end. Without a workload of ours, powering off is how a guest ends well.
RunLife::Actions RunLife::guest_gone(const Event& event) {
  const bool answered = state_ == State::running;
  if (event.kind == Kind::powered_off && !limits_.has_workload) return finish({RunEnd::power_off, 0, ""});
  if (event.kind == Kind::powered_off)
    return finish({RunEnd::power_off, kExitGuest,
                   answered ? "the guest powered off before its workload had ended"
                            : "the guest powered off and its workload did not run: PID 1 never answered"});
  if (!event.text.empty()) return finish({RunEnd::panic, kExitGuest, "the guest's kernel panicked: " + event.text});
  return finish({RunEnd::guest_reset, kExitGuest, "the guest restarted itself before its workload had ended"});
}

// First the guest is asked; whoever asks twice, or waits longer than the grace, ends it.
RunLife::Actions RunLife::stop(int signal) {
  const bool answers = state_ == State::running;
  state_ = State::stopping;
  outcome_ = {RunEnd::signal, kExitSignalBase + signal, stopped_by(signal)};
  // Within the grace the agent only ends the workload; what follows takes it a moment longer.
  const std::chrono::milliseconds grace = limits_.stop_grace;
  return {inform(fmt::format("SIG{}: asking the guest to stop, for at most {}", signal_name(signal), span(grace))),
          {answers ? Do::stop_workload : Do::press_power_button},
          arm(Timer::grace, answers ? grace + kGoodbye : grace)};
}

// However slow or dead the agent is, this ends: asking and limiting the wait are one thing.
RunLife::Actions RunLife::ask_power_off(State next, Actions actions) {
  state_ = next;
  actions.push_back({Do::power_off});
  actions.push_back(arm(Timer::goodbye, kGoodbye));
  return actions;
}

RunLife::Actions RunLife::finish(Outcome outcome) {
  state_ = State::ended;
  outcome_ = std::move(outcome);
  return {{Do::finish}};
}

// The machine's end was on its way and has now come in a worse way; the outcome is known and stays.
RunLife::Actions RunLife::finish_anyway(const Event& event) {
  const std::string why = event.kind == Kind::run_timer        ? run_timed_out(limits_.run_timeout.value_or(0ms)).text
                          : event.kind == Kind::channel_failed ? "the guest's agent: " + event.text
                                                               : event.text;
  (void)finish(outcome_);
  return {{Do::warn, {}, {}, why + "; the machine was about to end anyway"}, {Do::finish}};
}

Outcome run_timed_out(std::chrono::milliseconds allowed) {
  return {RunEnd::run_timeout, kExitTimeout, "the run took longer than " + span(allowed) + " (lifecycle.run-timeout)"};
}

// ---- names ----------------------------------------------------------------------------------------------------------

std::string_view to_string(RunLife::State state) {
  switch (state) {
    case RunLife::State::booting:
      return "booting";
    case RunLife::State::running:
      return "running";
    case RunLife::State::waiting:
      return "waiting";
    case RunLife::State::powering_off:
      return "powering_off";
    case RunLife::State::hurried:
      return "hurried";
    case RunLife::State::stopping:
      return "stopping";
    case RunLife::State::ended:
      break;
  }
  return "ended";
}

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::hello:
      return "hello";
    case Kind::workload_ended:
      return "workload_ended";
    case Kind::memory_complete:
      return "memory_complete";
    case Kind::said_bye:
      return "said_bye";
    case Kind::channel_failed:
      return "channel_failed";
    case Kind::powered_off:
      return "powered_off";
    case Kind::reset:
      return "reset";
    case Kind::fault:
      return "fault";
    case Kind::device_stop:
      return "device_stop";
    case Kind::signal:
      return "signal";
    case Kind::ready_timer:
      return "ready_timer";
    case Kind::run_timer:
      return "run_timer";
    case Kind::grace_timer:
      return "grace_timer";
    case Kind::goodbye_timer:
      return "goodbye_timer";
    case Kind::memory_timer:
      return "memory_timer";
    case Kind::look_timer:
      break;
  }
  return "look_timer";
}

} // namespace sporehost
