#include "core/system/watchdog.hpp"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "core/base/exit_status.hpp"
#include "core/base/plugin_call.hpp"
#include "core/system/alarm_timer.hpp"
#include "core/system/crash.hpp"

namespace sporehost {

const char* const kWaitsForVcpus = "a vCPU";

namespace {

constexpr uint64_t kNsPerMs = 1'000'000;
constexpr uint64_t kLookNs = 500 * kNsPerMs;
constexpr uint64_t kNever = UINT64_MAX;

// One watchdog a process; handlers and the main thread meet here.
struct Watched {
  std::atomic<bool> alive{false};
  std::atomic<CallNote*> main{nullptr};
  std::atomic<uint64_t> due_ns{kNever};
  std::atomic<uint64_t> stop_time_ns{0};
  std::atomic<int> signals{0};
  // of the look before, by the handler alone
  const char* who = nullptr;
  uint64_t serial = 0;
  uint64_t since_ns = 0;
};
Watched watched;

uint64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

void look_from(uint64_t when_ns) {
  alarm_timer().set(when_ns, kLookNs);
}

// One signal's handler may be interrupted by another's: whoever sets the timer looks again whether it is still the
// earliest time that is set.
void is_due(uint64_t due) {
  uint64_t before = watched.due_ns.load();
  while (due < before && !watched.due_ns.compare_exchange_weak(before, due)) {
  }
  uint64_t earliest = 0;
  do {
    earliest = watched.due_ns.load();
    look_from(earliest);
  } while (earliest != watched.due_ns.load());
}

// In whose call a vCPU's thread is that the main thread waits for.
const char* holder_of_vcpus() {
  size_t count = 0;
  CallNote* notes = call_notes(count);
  for (size_t i = 0; i < count; ++i)
    if (&notes[i] != watched.main.load(std::memory_order_relaxed))
      if (const char* who = notes[i].who.load(std::memory_order_relaxed)) return who;
  return nullptr;
}

void end_if_stuck() {
  const CallNote* main = watched.main.load(std::memory_order_relaxed);
  const uint64_t now = now_ns();
  if (main == nullptr || now < watched.due_ns.load(std::memory_order_relaxed)) return;
  const char* who = main->who.load(std::memory_order_relaxed);
  const uint64_t serial = main->serial.load(std::memory_order_relaxed);
  if (who == nullptr || who != watched.who || serial != watched.serial) {
    watched.who = who;
    watched.serial = serial;
    watched.since_ns = now;
    return;
  }
  constexpr uint64_t kPatienceNs = std::chrono::nanoseconds(Watchdog::kPatience).count();
  if (now - watched.since_ns < kPatienceNs) return;
  const char* culprit = who == kWaitsForVcpus ? holder_of_vcpus() : who;
  if (culprit == nullptr) return;
  const char* const text[] = {culprit,
                              " does not let the run end: it has not returned from a call, or not let go of its "
                              "device's lock, for 5 s; ended without its help"};
  say_from_handler(text, 2);
  ::_exit(kExitPlugin);
}

void on_look(int) {
  const int before = errno;
  if (watched.alive.load(std::memory_order_relaxed)) end_if_stuck();
  errno = before;
}

} // namespace

Watchdog::Watchdog(std::optional<uint64_t> run_ends_ns, std::chrono::milliseconds stop_time) {
  if (!alarm_timer().prepare()) return; // then it is not watched; all else works
  struct sigaction action {};
  action.sa_handler = on_look;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGALRM, &action, nullptr);
  watched.main = &call_note();
  watched.signals = 0;
  watched.who = nullptr;
  watched.stop_time_ns = static_cast<uint64_t>(stop_time.count()) * kNsPerMs;
  watched.due_ns = run_ends_ns.value_or(kNever);
  watched.alive = true;
  if (run_ends_ns) look_from(*run_ends_ns);
}

Watchdog::~Watchdog() {
  if (!watched.alive.exchange(false)) return;
  alarm_timer().end();
  ::signal(SIGALRM, SIG_IGN); // one may be on its way
  watched.main = nullptr;
}

void Watchdog::signalled(int /*signal*/) {
  if (!watched.alive.load(std::memory_order_relaxed)) return;
  const uint64_t now = now_ns();
  const bool first = watched.signals.fetch_add(1, std::memory_order_relaxed) == 0;
  is_due(first ? now + watched.stop_time_ns.load(std::memory_order_relaxed) : now);
}

void Watchdog::life_is_over() {
  if (watched.alive.load(std::memory_order_relaxed)) is_due(now_ns());
}

} // namespace sporehost
