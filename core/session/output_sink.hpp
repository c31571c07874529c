// A descriptor of ours (standard output, standard error, a file) that takes what the guest writes, without ever
// blocking the event loop. What the reader does not take at once is kept; what cannot be written at all is counted, and
// told once. It outlives machines: a restart of the guest loses nothing.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/session/byte_queue.hpp"
#include "core/system/event_loop.hpp"
#include "core/system/non_blocking_writer.hpp"

namespace sporehost {

// Output that did not arrive.
struct Loss {
  std::string stream; // "standard output"
  uint64_t bytes = 0;
  int error = 0; // an errno; 0: its reader took nothing any more

  // The reader went away by its own choice, as `head` does; that is nobody's fault.
  [[nodiscard]] bool reader_gone() const;
  // One sentence.
  [[nodiscard]] std::string text() const;
};

class OutputSink {
 public:
  // `fd` is not owned. `name` is what people call it. [main]
  OutputSink(std::string name, int fd) : name_(std::move(name)), fd_(fd), writer_(fd) {}
  OutputSink(const OutputSink&) = delete;
  OutputSink& operator=(const OutputSink&) = delete;

  // Between these two calls the loop writes what is kept, as the reader takes it. [main]
  void attach(EventLoop& loop);
  void detach();
  // Called on the main thread when the backlog has become small again; until `detach`. [main]
  void on_drained(std::function<void()> call) { drained_.push_back(std::move(call)); }

  // Writes what can be written and keeps the rest. [main]
  void write(std::span<const uint8_t> bytes);
  // Whether the backlog is so large that nothing more should be offered. [main]
  [[nodiscard]] bool full() const { return backlog_.size() > kBacklogHigh; }

  // For the end, when no loop runs: writes what can be written now; true when nothing is left. [main]
  bool drain();
  // Loses what is left. [main]
  void give_up();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] int poll_fd() const { return writer_.poll_fd(); }
  [[nodiscard]] size_t backlog() const { return backlog_.size(); }
  [[nodiscard]] std::optional<Loss> loss() const;
  // What has arrived ends within a line.
  [[nodiscard]] bool open_line() const { return open_line_; }
  // Another stream that goes the same way.
  void also(const std::string& name) { name_ += " and " + name; }

 private:
  static constexpr size_t kBacklogHigh = 256 * 1024;
  void write_some();
  void lose(int error);
  void watch(bool wanted);
  void on_writable();
  void look_for_a_reader();

  std::string name_;
  int fd_;
  NonBlockingWriter writer_;
  EventLoop* loop_ = nullptr;
  std::vector<std::function<void()>> drained_;
  ByteQueue backlog_{SIZE_MAX};
  std::optional<int> watched_;    // the descriptor that the loop watches
  std::optional<uint64_t> timer_; // looks for a reader that takes nothing
  uint64_t taken_ = 0;            // bytes written, for that look
  bool stalled_told_ = false;
  bool open_line_ = false;
  std::optional<int> broken_; // why what follows is dropped; the guest goes on
  uint64_t lost_ = 0;
};

} // namespace sporehost
