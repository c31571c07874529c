// The guest's console on the host: the last of it is always kept, to be shown when the guest fails; all of it goes
// where the user wants it.
#pragma once

#include <memory>
#include <string>

#include "core/base/unique_fd.hpp"
#include "core/machine/output_sink.hpp"
#include "core/machine/stream_hub.hpp"

namespace sporehost {

struct ConsoleTarget {
  enum class Kind { automatic, none, standard_output, standard_error, file } kind = Kind::automatic;
  std::string path; // of a file
  // "auto", "none", "stdout", "stderr" or a path.
  static ConsoleTarget parse(const std::string& text);
};

class Console {
 public:
  // [main] Errors: the file cannot be created.
  static spore::Result<std::unique_ptr<Console>> create(EventLoop& loop, StreamHub& hub, const ConsoleTarget& target);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // The last `lines` lines, printable, or those that tell most of a panic (console_tail.hpp). [main]
  [[nodiscard]] std::string last_lines(size_t lines) const;
  // The line in which the kernel says that it panics, or empty. [main]
  [[nodiscard]] std::string panic_line() const;
  void flush();

 private:
  Console(EventLoop& loop, StreamHub& hub) : loop_(loop), hub_(hub) {}
  size_t consume(std::span<const uint8_t> bytes);
  void forward_input();
  void read_input();

  static constexpr size_t kKept = 64 * 1024;
  EventLoop& loop_;
  StreamHub& hub_;
  UniqueFd file_;
  std::unique_ptr<OutputSink> sink_;
  std::string kept_;
  bool reads_input_ = false;
};

} // namespace sporehost
