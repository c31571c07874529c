// SIGINT, SIGTERM and SIGHUP as events of the loop, in the order in which they came. While it lives they end nothing by
// themselves; a SIGHUP that our user ignores (nohup) stays ignored.
#pragma once

#include <signal.h>

#include <array>
#include <functional>
#include <vector>

#include "core/machine/event_loop.hpp"

namespace sporehost {

class Signals {
 public:
  static constexpr std::array kWatched = {SIGINT, SIGTERM, SIGHUP};

  // [main] One at a time in a process.
  static spore::Result<std::unique_ptr<Signals>> create(EventLoop& loop, std::function<void(int signal)> handler);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Readable when a signal has come that the loop has not served; for whoever waits for something else. [any]
  [[nodiscard]] int fd() const { return read_.get(); }

 private:
  Signals(EventLoop& loop, UniqueFd read, UniqueFd write)
      : loop_(loop), read_(std::move(read)), write_(std::move(write)) {}
  void install();

  struct Before {
    int signal;
    struct sigaction action;
  };
  EventLoop& loop_;
  UniqueFd read_, write_; // a pipe: one byte a signal
  std::vector<Before> before_;
};

} // namespace sporehost
