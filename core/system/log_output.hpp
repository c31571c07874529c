// Where the log's lines go: standard error, or a file. Writing a line never waits for its reader, since lines come from
// vCPUs and from under devices' locks: what is not taken is kept, and what is then too much is lost and counted, the
// oldest first. Lines that can be written at once are, so that none is missing where the program dies a moment later,
// and no thread is needed.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/system/non_blocking_writer.hpp"

namespace sporehost {

class LogOutput final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // `fd` is not owned. Coloured where it is a terminal. [main]
  explicit LogOutput(int fd);
  // `name` is what people call the file. [main]
  LogOutput(UniqueFd file, std::string name);

  // Called with the descriptor to wait for when lines are kept because nobody takes them; `drain` is to be called when
  // it polls writable. From any thread, with locks held: it must do no more than note it. nullptr: nobody waits. [any]
  void on_backlog(std::function<void(int fd)> call);
  // Writes what is kept; true when nothing is left. [any]
  bool drain();
  // The same at the end, with a reader that is waited for within `patience`; what is then left is lost. [main]
  void finish(const Patience& patience);

  // Lines that did not arrive. [any]
  [[nodiscard]] uint64_t lost_lines();
  // The last error of writing, an errno; 0: none. [any]
  [[nodiscard]] int error();
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  static constexpr size_t kBacklogMax = 256 * 1024; // bytes
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}
  [[nodiscard]] std::string format(const spdlog::details::log_msg& message);
  void make_room(size_t bytes);
  bool write_kept();
  [[nodiscard]] NonBlockingWriter::Written write_first();
  void fail(int error);

  UniqueFd file_;
  int fd_;
  std::string name_;
  bool coloured_ = false;
  NonBlockingWriter writer_;
  std::deque<std::string> kept_; // lines; of the first, what is not written yet
  size_t kept_bytes_ = 0;
  bool first_begun_ = false; // a part of the first is written
  uint64_t lost_ = 0;
  uint64_t lost_untold_ = 0;
  int error_ = 0;
  std::function<void(int)> on_backlog_;
};

// The one that the program logs to; nullptr: another kind of log was set up, as in tests. [any]
[[nodiscard]] std::shared_ptr<LogOutput> log_output();
// Makes it the program's log. [main]
void log_to(std::shared_ptr<LogOutput> output);

} // namespace sporehost
