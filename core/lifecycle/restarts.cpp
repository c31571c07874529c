#include "core/lifecycle/restarts.hpp"

#include <spdlog/fmt/fmt.h>
#include <string.h>

#include <algorithm>

#include "core/base/signal_name.hpp"
#include "core/base/size.hpp"
#include "core/lifecycle/run_life.hpp"

namespace sporehost {

using spore::Result;

std::optional<std::chrono::milliseconds> Restarts::next(std::chrono::nanoseconds ran) {
  if (ran >= kSoon) in_a_row_ = 0;
  if (most_ && in_a_row_ >= *most_) return std::nullopt;
  const uint32_t doublings = std::min(in_a_row_, 10u);
  ++in_a_row_;
  ++count_;
  return std::min(kFirstPause * (1 << doublings), kLongestPause);
}

std::string Restarts::why_not(const std::string& outcome) const {
  if (most_ == 0u) return outcome + "; it is not started again (lifecycle.restart-max)";
  return fmt::format("{}; it was started again {} times in a row and never ran for {} (lifecycle.restart-max)", outcome,
                     in_a_row_, format_duration(std::chrono::milliseconds(kSoon).count()));
}

Outcome stopped_between_starts(int signal) {
  return {RunEnd::signal, kExitSignalBase + signal,
          fmt::format("stopped by SIG{} before the guest was started again", signal_name(signal))};
}

Result<std::optional<Outcome>> pause_before_restart(EventLoop& loop, Signals& signals, std::chrono::milliseconds pause,
                                                    std::optional<std::chrono::nanoseconds> left,
                                                    std::optional<std::chrono::milliseconds> allowed) {
  std::optional<Outcome> end;
  SPORE_CHECK(signals.attach(loop, [&](int signal) {
    if (!end) end = stopped_between_starts(signal);
    loop.stop();
  }));
  loop.start_timer(static_cast<uint64_t>(std::chrono::nanoseconds(pause).count()), [&] { loop.stop(); });
  if (left && allowed && *left < pause)
    loop.start_timer(static_cast<uint64_t>(std::max(left->count(), int64_t{0})), [&] {
      if (!end) end = run_timed_out(*allowed);
      loop.stop();
    });
  loop.run();
  signals.detach();
  return end;
}

} // namespace sporehost
