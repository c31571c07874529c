// SIGINT and SIGTERM as events of the loop. While it lives the signals are blocked in this thread and in those it
// starts.
#pragma once

#include <signal.h>

#include <functional>

#include "core/machine/event_loop.hpp"

namespace sporehost {

class Signals {
 public:
  // [main], before any other thread exists.
  static spore::Result<std::unique_ptr<Signals>> create(EventLoop& loop, std::function<void(int signal)> handler);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Readable while a signal waits to be handled: ends waits that are not the loop's.
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Forgets those that have come: they have had their effect. [main]
  void discard();

 private:
  Signals(EventLoop& loop, sigset_t before, UniqueFd fd) : loop_(loop), before_(before), fd_(std::move(fd)) {}

  EventLoop& loop_;
  sigset_t before_;
  UniqueFd fd_; // a signalfd
};

} // namespace sporehost
