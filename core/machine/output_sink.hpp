// A file descriptor of ours (stdout, stderr, a file) that takes what the guest writes, without ever blocking the event
// loop.
//
// A pipe that polls writable takes 4096 bytes (PIPE_BUF) without blocking, so the descriptor need not be made
// non-blocking: that would change it for every process it is shared with.
#pragma once

#include <functional>
#include <span>

#include "core/machine/byte_queue.hpp"
#include "core/machine/event_loop.hpp"

namespace sporehost {

class OutputSink {
 public:
  // `fd` is not owned. `drained` is called on the main thread when the backlog has become small again. [main]
  OutputSink(EventLoop& loop, int fd, std::function<void()> drained);
  ~OutputSink();
  OutputSink(const OutputSink&) = delete;
  OutputSink& operator=(const OutputSink&) = delete;

  // Writes what can be written and keeps the rest. [main]
  void write(std::span<const uint8_t> bytes);
  // Whether the backlog is so large that nothing more should be offered. [main]
  [[nodiscard]] bool full() const { return backlog_.size() > kBacklogHigh; }
  // Writes what is left, blocking. [main], at the end
  void flush();

 private:
  static constexpr size_t kBacklogHigh = 256 * 1024;
  size_t write_some(std::span<const uint8_t> bytes);
  void watch(bool wanted);

  EventLoop& loop_;
  int fd_;
  std::function<void()> drained_;
  ByteQueue backlog_{SIZE_MAX};
  bool watched_ = false;
  bool broken_ = false; // the reader is gone: what follows is dropped, the guest goes on
};

} // namespace sporehost
