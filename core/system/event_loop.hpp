// The machine's one event loop: file descriptors, timers and posted calls, all served on the main thread.
#pragma once

#include <sporehost/result.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/system/notifier.hpp"
#include "core/system/waiter.hpp"

namespace sporehost {

class EventLoop {
 public:
  using FdHandler = std::function<void(uint32_t events)>; // SPORE_FD_*
  using Handler = std::function<void()>;

  static spore::Result<std::unique_ptr<EventLoop>> create();
  // With means of another kind than the system's usual ones.
  static spore::Result<std::unique_ptr<EventLoop>> create(std::unique_ptr<Waiter> waiter, Notifier wake);

  // Watches `fd` (not owned), level-triggered. [any] One watch a descriptor. SPORE_E_EXISTS: it is watched;
  // SPORE_E_INVALID: no descriptor; SPORE_E_UNSUPPORTED: one that cannot be waited for, a regular file.
  spore::Result<void> watch(int fd, uint32_t events, FdHandler handler);
  // Changes what it is watched for; 0: only its hang-up. [any]
  spore::Result<void> modify(int fd, uint32_t events);
  void unwatch(int fd);

  // Calls `handler` once, `delay_ns` from now; UINT64_MAX is never. [any] Gives a number for `cancel`; cancelling a
  // fired timer is harmless.
  uint64_t start_timer(uint64_t delay_ns, Handler handler);
  void cancel_timer(uint64_t timer);

  // Calls `handler` on the main thread as soon as it can. [any]
  void post(Handler handler);

  // Serves until `stop`. [main]
  void run();
  void stop(); // [any]

 private:
  EventLoop(std::unique_ptr<Waiter> waiter, Notifier wake) : waiter_(std::move(waiter)), wake_(std::move(wake)) {}
  void wake(); // under the lock
  [[nodiscard]] int wait_ms();
  void without_waiter(int wait_ms);
  void serve_timers();
  void serve_posted();
  void serve_fd(int fd, uint32_t events);

  std::unique_ptr<Waiter> waiter_;
  Notifier wake_;
  std::mutex mutex_;
  struct Watch {
    uint64_t serial; // a descriptor number may be watched anew while an old event is pending
    FdHandler handler;
  };
  std::unordered_map<int, std::shared_ptr<Watch>> watches_;
  std::map<std::pair<uint64_t, uint64_t>, Handler> timers_; // (due ns, number)
  std::unordered_map<uint64_t, uint64_t> timer_due_;
  std::vector<Handler> posted_;
  uint64_t next_timer_ = 1;
  uint64_t looked_from_ = 0; // watches from this serial on are younger than the last look at descriptors
  std::thread::id serving_;  // who is in run()
  bool stopping_ = false;
  bool waiter_failed_ = false;
};

// Monotonic time in nanoseconds. [any]
uint64_t monotonic_ns();

} // namespace sporehost
