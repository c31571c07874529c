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

#include "core/base/unique_fd.hpp"

namespace sporehost {

class EventLoop {
 public:
  using FdHandler = std::function<void(uint32_t events)>; // SPORE_FD_*
  using Handler = std::function<void()>;

  static spore::Result<std::unique_ptr<EventLoop>> create();

  // Watches `fd` (not owned), level-triggered. [any] One watch a descriptor.
  spore::Result<void> watch(int fd, uint32_t events, FdHandler handler);
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
  EventLoop(UniqueFd epoll, UniqueFd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
  void wake(); // under the lock
  [[nodiscard]] int wait_ms();
  void without_epoll(int wait_ms);
  void serve_timers();
  void serve_posted();
  void serve_fd(int fd, uint32_t epoll_events);

  UniqueFd epoll_;
  UniqueFd wake_; // an eventfd
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
  std::thread::id serving_; // who is in run()
  bool stopping_ = false;
  bool epoll_failed_ = false;
};

// Monotonic time in nanoseconds. [any]
uint64_t monotonic_ns();

} // namespace sporehost
