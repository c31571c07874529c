// A time at which this process gets a SIGALRM: for what has to happen although the main thread is held up. There is
// one.
#pragma once

#include <cstdint>

namespace sporehost {

class AlarmTimer {
 public:
  AlarmTimer() = default;
  virtual ~AlarmTimer() = default;
  AlarmTimer(const AlarmTimer&) = delete;
  AlarmTimer& operator=(const AlarmTimer&) = delete;

  // false: the system gives none. [main]
  virtual bool prepare() = 0;
  // At `when_ns` (monotonic), at once where that is past, and every `every_ns` after it; 0: once. [any], from signal
  // handlers too; between `prepare` and `end`, else nothing happens.
  virtual void set(uint64_t when_ns, uint64_t every_ns) = 0;
  // [main]
  virtual void end() = 0;
};

[[nodiscard]] AlarmTimer& alarm_timer();

namespace portable {
[[nodiscard]] AlarmTimer& alarm_timer(); // the timer that alarm(2) has too: a plugin that calls that moves it
} // namespace portable

} // namespace sporehost
