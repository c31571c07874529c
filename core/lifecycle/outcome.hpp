// How a run ended.
#pragma once

#include <string>
#include <string_view>

#include "core/base/exit_status.hpp"

namespace sporehost {

enum class RunEnd {
  workload,    // the workload ended; its status is ours
  power_off,   // the guest powered itself off
  guest_reset, // the guest restarted itself: on-guest-reset says what follows
  panic,       // as guest_reset, and the console shows a kernel panic
  not_ready,   // PID 1 did not answer in time
  run_timeout, // lifecycle.run-timeout passed
  signal,      // SIGINT or SIGTERM
  channel,     // the guest broke the channel's protocol
  fault,       // the backend could not go on
  device,      // a device ended the machine, with a status of its own
};

struct Outcome {
  RunEnd end = RunEnd::workload;
  int exit_status = 0;
  std::string text; // one sentence
};

[[nodiscard]] inline std::string_view to_string(RunEnd end) {
  switch (end) {
    case RunEnd::workload:
      return "workload";
    case RunEnd::power_off:
      return "power-off";
    case RunEnd::guest_reset:
      return "guest-reset";
    case RunEnd::panic:
      return "panic";
    case RunEnd::not_ready:
      return "not-ready";
    case RunEnd::run_timeout:
      return "run-timeout";
    case RunEnd::signal:
      return "signal";
    case RunEnd::channel:
      return "channel";
    case RunEnd::fault:
      return "fault";
    case RunEnd::device:
      return "device";
  }
  return "unknown";
}

} // namespace sporehost
