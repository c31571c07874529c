// Writes to a descriptor of ours without ever waiting for whoever reads it, and without changing the descriptor for the
// processes that it is shared with.
//
// O_NONBLOCK is a property of the open file, and a pipe or a terminal on standard output is open in other programs too.
// So it is opened once more for us alone where the system lets us; a socket is told so with each call; a file on disk
// never waits for a reader. What is left (a terminal of somebody else) takes small pieces, and only while it polls
// writable.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/unique_fd.hpp"

namespace sporehost {

class NonBlockingWriter {
 public:
  struct Written {
    size_t bytes = 0;
    int error = 0; // an errno; 0: what is left has to wait until the descriptor polls writable
  };

  // `fd` is not owned. [any]
  explicit NonBlockingWriter(int fd) : fd_(fd) {}

  // Writes as much as can be written at once. [any], one thread at a time
  [[nodiscard]] Written write(std::span<const uint8_t> bytes);

  // What to poll for being writable.
  [[nodiscard]] int poll_fd() const { return own_ ? own_.get() : fd_; }

 private:
  enum class Way { unknown, plain, socket, careful };
  void look();
  [[nodiscard]] ssize_t write_piece(std::span<const uint8_t> bytes) const;

  int fd_;
  UniqueFd own_; // the same pipe, terminal or socket under a number of ours
  Way way_ = Way::unknown;
  size_t piece_ = SIZE_MAX; // the most to write at once
};

// Whether what is written to both goes through one queue, so that their order can be kept: the same pipe, socket or
// terminal. Files on disk have none. [any]
[[nodiscard]] bool same_queue(int fd, int other);

// How long to wait for a reader.
struct Patience {
  Patience(std::chrono::milliseconds standstill) : standstill(standstill) {} // implicit: the usual one

  std::chrono::milliseconds standstill; // while it takes nothing
  // whatever it takes
  std::chrono::steady_clock::time_point ends = std::chrono::steady_clock::time_point::max();
  int wake_fd = -1; // ends the wait when it is readable
};

// Waits until `fd` polls writable, or a signal's handler has run. False: there is no patience left. [any]
[[nodiscard]] bool wait_for_reader(int fd, const Patience& patience);

// Writes `text`, as far as it is taken while the patience lasts. False: not all of it was written, and errno says why
// (ETIMEDOUT: nobody took it). [any]
[[nodiscard]] bool write_within(int fd, std::string_view text, const Patience& patience);

} // namespace sporehost
