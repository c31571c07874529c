#include "core/lifecycle/plan_limit.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>

#include "core/base/plugin_call.hpp"
#include "core/lifecycle/run_life.hpp"
#include "core/system/alarm_timer.hpp"
#include "core/system/crash.hpp"

namespace sporehost {
namespace {

std::atomic<const char*> sentence{nullptr};
std::atomic<bool> time_is_up{false};
struct sigaction term_before, alarm_before;

void on_term(int signal) {
  if (time_is_up) {
    const char* asked = call_note().who.load(std::memory_order_relaxed);
    const char* const text[] = {sentence, "; there was no machine yet", asked != nullptr ? ": it waited for " : "",
                                asked != nullptr ? asked : ""};
    say_from_handler(text, 4);
    ::_exit(kExitTimeout);
  }
  ::signal(signal, SIG_DFL);
  ::raise(signal); // blocked here; it ends us when this returns
}

void on_alarm(int) {
  time_is_up = true;
  ::kill(::getpid(), SIGTERM);
}

} // namespace

PlanLimit::PlanLimit(std::optional<std::chrono::milliseconds> allowed, uint64_t started_ns) {
  if (!allowed) return;
  if (!alarm_timer().prepare()) return;
  armed_ = true;
  time_is_up = false;
  sentence = keep_text(run_timed_out(*allowed).text);
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  action.sa_handler = on_term;
  ::sigaction(SIGTERM, &action, &term_before);
  action.sa_handler = on_alarm;
  ::sigaction(SIGALRM, &action, &alarm_before);
  alarm_timer().set(started_ns + static_cast<uint64_t>(allowed->count()) * 1'000'000, 0);
}

PlanLimit::~PlanLimit() {
  if (!armed_) return;
  alarm_timer().end();
  ::sigaction(SIGALRM, &alarm_before, nullptr);
  ::sigaction(SIGTERM, &term_before, nullptr);
}

} // namespace sporehost
