// How often and how fast a guest that restarts itself is started again (lifecycle.on-guest-reset: restart).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <sporehost/result.hpp>

#include "core/lifecycle/outcome.hpp"
#include "core/system/signals.hpp"

namespace sporehost {

class Restarts {
 public:
  // `most`: how many in a row may come soon after their start; empty: any number.
  explicit Restarts(std::optional<uint32_t> most) : most_(most) {}

  // The guest has restarted itself `ran` after its start. Gives the pause before it is started again, or nothing: it
  // has come too often.
  std::optional<std::chrono::milliseconds> next(std::chrono::nanoseconds ran);

  [[nodiscard]] uint32_t count() const { return count_; } // of the whole run
  // Adds to the guest's last outcome why it was not started again.
  [[nodiscard]] std::string why_not(const std::string& outcome) const;

  static constexpr std::chrono::milliseconds kFirstPause{100};
  static constexpr std::chrono::milliseconds kLongestPause{5000};
  static constexpr std::chrono::seconds kSoon{60}; // a guest that ran for longer starts the count anew

 private:
  const std::optional<uint32_t> most_;
  uint32_t count_ = 0;
  uint32_t in_a_row_ = 0;
};

// The outcome of a run that `signal` ended while there was no machine.
[[nodiscard]] Outcome stopped_between_starts(int signal);

// Waits before a restart, on a loop that serves whatever else there is. [main] Gives how the run ends where it ends in
// the meantime: by a signal, also one that has come since the last machine's loop has ended, or by the time that is
// `allowed` for all of it, of which `left` is left.
[[nodiscard]] spore::Result<std::optional<Outcome>> pause_before_restart(
    EventLoop& loop, Signals& signals, std::chrono::milliseconds pause, std::optional<std::chrono::nanoseconds> left,
    std::optional<std::chrono::milliseconds> allowed);

} // namespace sporehost
