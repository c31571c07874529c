#include "core/system/alarm_timer.hpp"

#include <sys/time.h>
#include <time.h>

#include <algorithm>
#include <atomic>

namespace sporehost::portable {
namespace {

uint64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

timeval value_of(uint64_t ns) {
  const uint64_t us = (ns + 999) / 1000;
  timeval value{};
  value.tv_sec = static_cast<time_t>(us / 1'000'000);
  value.tv_usec = static_cast<suseconds_t>(us % 1'000'000);
  return value;
}

class IntervalTimer final : public AlarmTimer {
 public:
  bool prepare() override { return ready_ = true; }

  void set(uint64_t when_ns, uint64_t every_ns) override {
    if (!ready_) return;
    const uint64_t now = now_ns();
    constexpr uint64_t kLongest = uint64_t{3'000'000'000} * 1'000'000'000;        // "never" is no time that fits
    const uint64_t delay = std::min(when_ns > now ? when_ns - now : 1, kLongest); // 0 would be "not at all"
    itimerval times{};
    times.it_value = value_of(delay);
    times.it_interval = value_of(every_ns);
    ::setitimer(ITIMER_REAL, &times, nullptr);
  }

  void end() override {
    if (!ready_.exchange(false)) return;
    const itimerval none{};
    ::setitimer(ITIMER_REAL, &none, nullptr);
  }

 private:
  std::atomic<bool> ready_{false};
};

} // namespace

AlarmTimer& alarm_timer() {
  static IntervalTimer timer;
  return timer;
}

} // namespace sporehost::portable
