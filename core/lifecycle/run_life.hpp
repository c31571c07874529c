// The life of one run as a state machine: what happens to a machine goes in as events, what is to be done comes out as
// actions. It touches nothing: no loop, no clock, no guest, so that a test can put every event into every state.
//
//   booting --hello--> running --workload ended--> [waiting for memory] --> powering off --> ended
//   booting, running --signal--> stopping --workload ended--> hurried --> ended
//   waiting, powering off --signal--> hurried: a second signal ends it at once
//
// Once a workload has ended, its outcome is the run's, whoever ends the machine after that: what else
// goes wrong then is a warning. Until then every end of the
// guest is a failure where there is a workload that was to run.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/lifecycle/outcome.hpp"

namespace sporehost {

class RunLife {
 public:
  enum class State : uint8_t {
    booting,      // vCPUs run, PID 1 has not answered
    running,      // PID 1 has answered; the workload is its business
    waiting,      // the workload has ended; the guest stays until its memory is complete
    powering_off, // the workload has ended; the agent was asked to power off
    hurried,      // as powering_off, and a signal came: the next one ends it at once
    stopping,     // a signal came before the workload's end: the guest was asked to end
    ended,        // outcome() says how; nothing changes it any more
  };
  static constexpr size_t kStates = static_cast<size_t>(State::ended) + 1;

  enum class Timer : uint8_t { ready, run, grace, goodbye, memory, look };
  static constexpr size_t kTimers = static_cast<size_t>(Timer::look) + 1;

  struct Event {
    enum class Kind : uint8_t {
      hello,           // PID 1 has answered
      workload_ended,  // `workload` says how; `memory_missing`: memory that it should wait for is not there yet
      memory_complete, // all memory asked for is in use
      said_bye,        // the agent has synced; nothing of worth happens in the guest any more
      channel_failed,  // `text`: the agent broke the protocol, or the workload cannot be handed over
      powered_off,     // the guest switched itself off
      reset,           // the guest restarted itself; `text`: its kernel's panic, or empty
      fault,           // `text`: the backend cannot go on
      device_stop,     // `number`: the status with which a device, or another plugin, ends the run; `text`: who and why
      signal,          // `number`
      ready_timer,     // a timer that an action armed ran out
      run_timer,
      grace_timer,
      goodbye_timer,
      memory_timer,
      look_timer,
    };
    Kind kind = Kind::hello;
    int number = 0;
    std::string text = {};
    Outcome workload = {};
    bool memory_missing = false;
  };
  static constexpr size_t kEvents = static_cast<size_t>(Event::Kind::look_timer) + 1;

  struct Action {
    enum class Kind : uint8_t {
      arm,                // `timer`, to run out after `delay`
      disarm,             // `timer`
      start_workload,     // hand it to the agent
      stop_workload,      // ask the agent to end it
      press_power_button, // nobody answers on the channel
      power_off,          // ask the agent to sync and to end the guest
      look_at_memory,     // ask the agent how much there is
      inform,             // log `text`
      warn,               // log `text`
      finish,             // outcome() is there: end the machine
    };
    Kind kind = Kind::finish;
    Timer timer = Timer::ready;
    std::chrono::nanoseconds delay{0};
    std::string text = {};
  };
  using Actions = std::vector<Action>;

  struct Limits {
    bool has_workload = false; // there is one that was to run
    std::chrono::milliseconds ready_timeout{0};
    std::chrono::milliseconds stop_grace{0};
    std::optional<std::chrono::milliseconds> run_timeout = {};
  };

  explicit RunLife(Limits limits) : limits_(limits) {}

  // The vCPUs start; `spent` of the run's time has gone already. Once, first.
  [[nodiscard]] Actions start(std::chrono::nanoseconds spent) const;
  // Something happened. To be carried out in this order.
  [[nodiscard]] Actions on(const Event& event);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool waits_for_memory() const { return state_ == State::waiting; }
  // How the run ended; valid in `ended`.
  [[nodiscard]] const Outcome& outcome() const { return outcome_; }

  // How often the agent is asked for its memory while that is all that is waited for.
  static constexpr std::chrono::milliseconds kMemoryLook{500};
  // How long a workload's end may wait for memory.
  static constexpr std::chrono::seconds kMemoryPatience{120};
  // How long the agent may take to say goodbye.
  static constexpr std::chrono::seconds kGoodbye{5};

 private:
  Actions booting(const Event& event);
  Actions running(const Event& event);
  Actions waiting(const Event& event);
  Actions leaving(const Event& event); // powering_off and hurried
  Actions stopping(const Event& event);

  Actions workload_ended(const Event& event);
  Actions guest_gone(const Event& event);
  Actions stop(int signal);
  Actions ask_power_off(State next, Actions before);
  Actions finish(Outcome outcome);
  Actions finish_anyway(const Event& event);

  const Limits limits_;
  State state_ = State::booting;
  Outcome outcome_; // from `waiting`, `powering_off`, `hurried` and `stopping` on: what a guest that now goes means
};

// The outcome of a run that took longer than it was allowed.
[[nodiscard]] Outcome run_timed_out(std::chrono::milliseconds allowed);

[[nodiscard]] std::string_view to_string(RunLife::State state);
[[nodiscard]] std::string_view to_string(RunLife::Event::Kind kind);

} // namespace sporehost
