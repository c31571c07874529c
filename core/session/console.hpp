// The guest's console on the host: the last of it is always kept, to be shown when the guest fails; all of it goes
// where the user wants it.
#pragma once

#include <memory>
#include <string>

#include "core/session/outputs.hpp"
#include "core/session/stream_hub.hpp"

namespace sporehost {

class Console {
 public:
  // All of them outlive the console. [main]
  Console(EventLoop& loop, StreamHub& hub, Outputs& outputs);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // The last `lines` lines, printable, or those that tell most of a panic (console_tail.hpp). [main]
  [[nodiscard]] std::string last_lines(size_t lines) const;
  // The line in which the kernel says that it panics, or empty. [main]
  [[nodiscard]] std::string panic_line() const;
  // The machine has ended: takes what the hub still has, however slow the reader is. [main]
  void finish();

 private:
  size_t consume(std::span<const uint8_t> bytes);
  void read_input();
  void offer_typed();

  static constexpr size_t kKept = 64 * 1024;
  EventLoop& loop_;
  StreamHub& hub_;
  OutputSink* sink_; // nullptr: nobody wants to see it
  std::string kept_;
  bool reads_input_ = false;   // standard input is watched
  std::vector<uint8_t> typed_; // what the guest has had no room for; nothing more is read while there is some
  bool finished_ = false;
};

} // namespace sporehost
