// Every event in every state, by a table: the next state, the actions, and the outcome where the run ends. A new state
// or event without its row or column fails here.
#include "core/lifecycle/run_life.hpp"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <optional>
#include <set>
#include <utility>

namespace sporehost {
namespace {

using State = RunLife::State;
using Kind = RunLife::Event::Kind;
using Do = RunLife::Action::Kind;
using namespace std::chrono_literals;

constexpr int kWorkloadStatus = 7;

RunLife::Limits limits(bool has_workload = true) {
  return {.has_workload = has_workload, .ready_timeout = 60s, .stop_grace = 10s, .run_timeout = 8s};
}

RunLife::Event event(Kind kind) {
  RunLife::Event event;
  event.kind = kind;
  if (kind == Kind::signal) event.number = SIGTERM;
  if (kind == Kind::device_stop) event.number = 33;
  if (kind == Kind::workload_ended) event.workload = {RunEnd::workload, kWorkloadStatus, ""};
  if (kind == Kind::fault || kind == Kind::channel_failed) event.text = "why";
  return event;
}

using Armed = std::set<RunLife::Timer>;

void note(Armed& armed, const RunLife::Actions& actions) {
  for (const RunLife::Action& action : actions) {
    if (action.kind == Do::arm) armed.insert(action.timer);
    if (action.kind == Do::disarm) armed.erase(action.timer);
  }
}

// A life brought to `state`, by the shortest way; `armed`: its timers by then.
RunLife in(State state, const RunLife::Limits& limits, Armed* armed = nullptr) {
  RunLife life(limits);
  Armed nobody_asks;
  if (armed == nullptr) armed = &nobody_asks;
  note(*armed, life.start(0s));
  const auto put = [&](Kind kind, bool memory_missing = false) {
    RunLife::Event e = event(kind);
    e.memory_missing = memory_missing;
    note(*armed, life.on(e));
  };
  if (state != State::booting && state != State::ended) put(Kind::hello);
  if (state == State::waiting) put(Kind::workload_ended, true);
  if (state == State::powering_off || state == State::hurried) put(Kind::workload_ended);
  if (state == State::hurried || state == State::stopping) put(Kind::signal);
  if (state == State::ended) put(Kind::fault);
  return life;
}

RunLife in(State state) {
  return in(state, limits());
}

std::string_view name(RunLife::Timer timer) {
  static constexpr std::array<std::string_view, RunLife::kTimers> names = {"ready",   "run",    "grace",
                                                                           "goodbye", "memory", "look"};
  return names[static_cast<size_t>(timer)];
}

std::string describe(const RunLife::Action& action) {
  switch (action.kind) {
    case Do::arm:
      return "arm " + std::string(name(action.timer)) + " " +
             std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(action.delay).count());
    case Do::disarm:
      return "disarm " + std::string(name(action.timer));
    case Do::start_workload:
      return "start workload";
    case Do::stop_workload:
      return "stop workload";
    case Do::press_power_button:
      return "power button";
    case Do::power_off:
      return "power off";
    case Do::look_at_memory:
      return "look";
    case Do::inform:
      return "inform";
    case Do::warn:
      return "warn";
    case Do::finish:
      break;
  }
  return "finish";
}

std::string describe(const RunLife::Actions& actions) {
  std::string text;
  for (const RunLife::Action& action : actions) text += (text.empty() ? "" : ", ") + describe(action);
  return text;
}

struct Cell {
  std::optional<State> next; // none: the row is missing
  std::string_view actions = {};
  std::optional<RunEnd> end = {};
  int status = 0;
};

Cell stays(State state) {
  return {state};
}
Cell ends(RunEnd end, int status) {
  return {State::ended, "finish", end, status};
}

using Column = std::array<Cell, RunLife::kEvents>;
constexpr std::string_view kOff = "power off, arm goodbye 5000";

// In the order of Event::Kind.
std::array<Column, RunLife::kStates> table() {
  const Cell fault = ends(RunEnd::fault, kExitFault);
  const Cell channel = ends(RunEnd::channel, kExitGuest);
  const Cell device = ends(RunEnd::device, event(Kind::device_stop).number);
  const Cell late = ends(RunEnd::run_timeout, kExitTimeout);
  const Cell own = ends(RunEnd::workload, kWorkloadStatus);
  const Cell own_warned = {State::ended, "warn, finish", RunEnd::workload, kWorkloadStatus};
  const Cell stopped = ends(RunEnd::signal, 143);
  using S = State;
  const Column booting = {{
      {S::running, "disarm ready, start workload"},           // hello
      stays(S::booting),                                      // workload_ended
      stays(S::booting),                                      // memory_complete
      stays(S::booting),                                      // said_bye
      channel,                                                // channel_failed
      ends(RunEnd::power_off, kExitGuest),                    // powered_off
      ends(RunEnd::guest_reset, kExitGuest),                  // reset
      fault,                                                  // fault
      device,                                                 // device_stop
      {S::stopping, "inform, power button, arm grace 10000"}, // signal
      ends(RunEnd::not_ready, kExitTimeout),                  // ready_timer
      late,                                                   // run_timer
      stays(S::booting),
      stays(S::booting),
      stays(S::booting), // grace_timer, goodbye_timer, memory_timer
      stays(S::booting), // look_timer
  }};
  const Column running = {{
      stays(S::running),
      {S::powering_off, kOff},
      stays(S::running),
      ends(RunEnd::power_off, kExitGuest),
      channel,
      ends(RunEnd::power_off, kExitGuest),
      ends(RunEnd::guest_reset, kExitGuest),
      fault,
      device,
      {S::stopping, "inform, stop workload, arm grace 15000"},
      stays(S::running), // ready_timer
      late,
      stays(S::running),
      stays(S::running),
      stays(S::running),
      stays(S::running),
  }};
  const Column waiting = {{
      stays(S::waiting),
      stays(S::waiting),
      {S::powering_off, "disarm memory, disarm look, power off, arm goodbye 5000"},
      own,
      own_warned, // channel_failed
      own,
      own,
      own_warned, // fault
      own_warned, // device_stop
      {S::hurried, "disarm memory, disarm look, inform, power off, arm goodbye 5000"},
      stays(S::waiting),
      own_warned, // run_timer
      stays(S::waiting),
      stays(S::waiting),
      {S::powering_off, "disarm look, warn, power off, arm goodbye 5000"},
      {S::waiting, "look, arm look 500"},
  }};
  const auto leaving = [&](S state, const Cell& signal) -> Column {
    return {{
        stays(state),
        stays(state),
        stays(state),
        own,
        own_warned, // channel_failed
        own,
        own,
        own_warned, // fault
        own_warned, // device_stop
        signal,
        stays(state), // ready_timer
        own,          // run_timer: what was to be done in time is done
        stays(state), // grace_timer
        own,          // goodbye_timer
        stays(state),
        stays(state),
    }};
  };
  const Column stopping = {{
      {S::hurried, "disarm grace, power off, arm goodbye 5000"},
      {S::hurried, "disarm grace, power off, arm goodbye 5000"},
      stays(S::stopping),
      stopped,
      channel,
      stopped,
      stopped,
      fault,
      device,
      stopped, // signal: the second one
      stays(S::stopping),
      late,
      stopped, // grace_timer
      stays(S::stopping),
      stays(S::stopping),
      stays(S::stopping),
  }};
  Column ended;
  ended.fill({S::ended, "", RunEnd::fault, kExitFault});
  return {booting,  running, waiting, leaving(S::powering_off, {S::hurried, "inform"}), leaving(S::hurried, own),
          stopping, ended};
}

TEST(RunLife, EveryEventInEveryState) {
  const auto expected = table();
  for (size_t s = 0; s < RunLife::kStates; ++s) {
    for (size_t e = 0; e < RunLife::kEvents; ++e) {
      const auto state = static_cast<State>(s);
      const auto kind = static_cast<Kind>(e);
      const Cell& cell = expected[s][e];
      SCOPED_TRACE(std::string(to_string(kind)) + " in " + std::string(to_string(state)));
      ASSERT_TRUE(cell.next) << "the table has no row for it";
      RunLife life = in(state);
      ASSERT_EQ(life.state(), state);
      const RunLife::Actions actions = life.on(event(kind));
      EXPECT_EQ(to_string(life.state()), to_string(*cell.next));
      EXPECT_EQ(describe(actions), cell.actions);
      if (!cell.end) continue;
      EXPECT_EQ(to_string(life.outcome().end), to_string(*cell.end));
      EXPECT_EQ(life.outcome().exit_status, cell.status);
    }
  }
}

// From no state can a guest that says nothing at all keep a run for ever once somebody wants its end. Only what was
// armed runs out, however often.
TEST(RunLife, OnceTheEndIsAskedForTimersAloneReachIt) {
  static constexpr std::array<Kind, RunLife::kTimers> kFired = {
      Kind::ready_timer, Kind::run_timer, Kind::grace_timer, Kind::goodbye_timer, Kind::memory_timer, Kind::look_timer};
  for (const State state : {State::waiting, State::powering_off, State::hurried, State::stopping}) {
    RunLife::Limits unlimited = limits();
    unlimited.run_timeout.reset();
    Armed armed;
    RunLife life = in(state, unlimited, &armed);
    for (int round = 0; round < 10 && life.state() != State::ended; ++round)
      for (const RunLife::Timer timer : std::exchange(armed, {}))
        note(armed, life.on(event(kFired[static_cast<size_t>(timer)])));
    EXPECT_EQ(to_string(life.state()), "ended") << to_string(state);
  }
}

// Wherever POWER_OFF is sent, the wait for what follows is limited in the same step.
TEST(RunLife, EveryPowerOffIsLimited) {
  size_t seen = 0;
  for (size_t s = 0; s < RunLife::kStates; ++s)
    for (size_t e = 0; e < RunLife::kEvents; ++e) {
      const std::string done = describe(in(static_cast<State>(s)).on(event(static_cast<Kind>(e))));
      if (done.find("power off") == std::string::npos) continue;
      EXPECT_NE(done.find("power off, arm goodbye"), std::string::npos) << done;
      ++seen;
    }
  EXPECT_EQ(seen, 6u);
}

TEST(RunLife, AWorkloadThatDidNotRunIsAFailureWhoeverEndedTheMachine) {
  for (const State state : {State::booting, State::running}) {
    for (const Kind kind : {Kind::powered_off, Kind::reset, Kind::said_bye, Kind::channel_failed}) {
      RunLife life = in(state);
      (void)life.on(event(kind));
      if (life.state() != State::ended) continue;
      EXPECT_EQ(life.outcome().exit_status, kExitGuest) << to_string(kind);
      EXPECT_NE(life.outcome().text, "") << "and it says so";
    }
  }
}

TEST(RunLife, WithoutAWorkloadPoweringOffIsHowAGuestEndsWell) {
  RunLife life = in(State::booting, limits(false));
  (void)life.on(event(Kind::powered_off));
  EXPECT_EQ(life.outcome().exit_status, 0);
  EXPECT_EQ(life.outcome().text, "");
}

// A guest that dies on its way out, a broken agent, a backend that gives up: none of them makes the workload's end
// another.
TEST(RunLife, TheWorkloadsOutcomeStandsAndWhatCameAfterItIsTold) {
  for (const State state : {State::waiting, State::powering_off, State::hurried}) {
    RunLife life = in(state);
    const RunLife::Actions actions = life.on(event(Kind::fault));
    ASSERT_EQ(describe(actions), "warn, finish");
    EXPECT_EQ(actions[0].text, "why; the machine was about to end anyway");
    EXPECT_EQ(life.outcome().exit_status, kWorkloadStatus);
  }
}

TEST(RunLife, APanicIsNamed) {
  RunLife life = in(State::running);
  (void)life.on({.kind = Kind::reset, .text = "Kernel panic - not syncing: x"});
  EXPECT_EQ(life.outcome().end, RunEnd::panic);
  EXPECT_EQ(life.outcome().text, "the guest's kernel panicked: Kernel panic - not syncing: x");
}

TEST(RunLife, AWorkloadMayBeAskedToWaitForMemory) {
  RunLife life = in(State::running);
  RunLife::Event ended = event(Kind::workload_ended);
  ended.memory_missing = true;
  EXPECT_EQ(describe(life.on(ended)), "inform, arm memory 120000, arm look 500");
  EXPECT_TRUE(life.waits_for_memory());
  EXPECT_EQ(describe(life.on(event(Kind::memory_complete))).find("warn"), std::string::npos)
      << "memory was complete; a slow power-off is another matter";
}

// A stop that was heard stays a stop, however the workload took it; and the second signal names itself.
TEST(RunLife, WhoeverStoppedItIsTheOutcome) {
  RunLife heard = in(State::stopping);
  (void)heard.on(event(Kind::workload_ended));
  (void)heard.on(event(Kind::said_bye));
  EXPECT_EQ(heard.outcome().exit_status, 128 + SIGTERM);
  EXPECT_EQ(heard.outcome().text, "stopped by SIGTERM");
  RunLife twice = in(State::stopping);
  (void)twice.on({.kind = Kind::signal, .number = SIGHUP});
  EXPECT_EQ(twice.outcome().exit_status, 128 + SIGHUP);
  EXPECT_EQ(twice.outcome().text, "stopped by SIGHUP: the guest did not end by itself");
}

TEST(RunLife, StartArmsWhatTheMachineHas) {
  EXPECT_EQ(describe(RunLife(limits()).start(3s)), "arm ready 60000, arm run 5000");
  EXPECT_EQ(describe(RunLife(limits(false)).start(9s)), "arm run 0") << "the time is up already";
  EXPECT_EQ(describe(RunLife({.has_workload = true}).start(0s)), "");
}

} // namespace
} // namespace sporehost
