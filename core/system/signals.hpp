// SIGINT, SIGTERM and SIGHUP as events of a loop, in the order in which they came. One for the whole of a run: its
// machines and the pauses between them serve it in turn, and what comes while none does waits for the next that does.
// Once watched they end nothing by themselves; a SIGHUP that our user ignores (nohup) stays ignored.
#pragma once

#include <signal.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/system/event_loop.hpp"
#include "core/system/pipe.hpp"

namespace sporehost {

class Signals {
 public:
  static constexpr std::array kWatched = {SIGINT, SIGTERM, SIGHUP};

  // [main] One at a time in a process.
  static spore::Result<std::unique_ptr<Signals>> create();
  // With a pipe of another kind than the system's usual one; it does not block.
  static std::unique_ptr<Signals> create(Pipe pipe);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // From here on they come here, until it is gone. Harmless when done twice. [main]
  void watch();
  [[nodiscard]] bool watches() const { return watches_; }

  // Between these two calls the loop hands them to `handler`, those first that have come before. [main]
  spore::Result<void> attach(EventLoop& loop, std::function<void(int signal)> handler);
  void detach();
  // The first that nobody has been handed. [main]
  std::optional<int> take();

  // Readable when a signal has come that nobody has been handed; for whoever waits for something else. [any]
  [[nodiscard]] int fd() const { return pipe_.read.get(); }

 private:
  explicit Signals(Pipe pipe) : pipe_(std::move(pipe)) {}

  struct Before {
    int signal;
    struct sigaction action;
  };
  EventLoop* loop_ = nullptr;
  Pipe pipe_; // one byte a signal
  std::vector<Before> before_;
  bool watches_ = false;
};

} // namespace sporehost
