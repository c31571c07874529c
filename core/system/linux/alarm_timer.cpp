#include "core/system/alarm_timer.hpp"

#include <signal.h>
#include <time.h>

#include <algorithm>
#include <atomic>

namespace sporehost {
namespace {

timespec spec_of(uint64_t ns) {
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

class PosixTimer final : public AlarmTimer {
 public:
  bool prepare() override {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGALRM;
    ready_ = ::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
    return ready_;
  }

  void set(uint64_t when_ns, uint64_t every_ns) override {
    if (!ready_) return;
    const itimerspec times{spec_of(every_ns), spec_of(std::max<uint64_t>(when_ns, 1))};
    ::timer_settime(timer_, TIMER_ABSTIME, &times, nullptr);
  }

  void end() override {
    if (ready_.exchange(false)) ::timer_delete(timer_);
  }

 private:
  timer_t timer_{};
  std::atomic<bool> ready_{false};
};

} // namespace

AlarmTimer& alarm_timer() {
  static PosixTimer timer;
  return timer;
}

} // namespace sporehost
