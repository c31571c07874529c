// Ends the process when it is told to end and a plugin does not let it: one that keeps a device's lock, or does not
// return from a call. Signals and time limits are served by the main thread's loop; while that is held up in a plugin,
// nobody else would heed them.
//
// It does nothing until somebody wants an end: then a timer looks twice a second whether the main thread is still in
// the same call. No thread, and nothing on the way of a vCPU.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace sporehost {

class Watchdog {
 public:
  // Watches the calling thread. [main], one at a time. `run_ends_ns` is when the run is to be over, monotonic;
  // `stop_time` is what a first signal gives the guest.
  Watchdog(std::optional<uint64_t> run_ends_ns, std::chrono::milliseconds stop_time);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // Somebody has sent `signal` and wants an end: the first has its time, the second is due at once. From the signal's
  // handler.
  static void signalled(int signal);
  // The machine's life is over, and all that is left is to take it apart. [main]
  static void life_is_over();

  // How long the main thread may stay in one call of a plugin once an end is due.
  static constexpr std::chrono::seconds kPatience{5};
};

// What the main thread notes while it waits for vCPU threads: whichever plugin they are in keeps it.
extern const char* const kWaitsForVcpus;

} // namespace sporehost
