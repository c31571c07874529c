// Log lines that a guest can cause: a hostile guest must not fill the host's disk or slow the host down with them.
#pragma once

#include <sporehost/host.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sporehost {

// Where a part of the core sends its lines: the level is SPORE_LOG_*, the text one line. Must be callable from any
// thread; may be empty. [any]
using LogSink = std::function<void(int32_t level, std::string_view text)>;

// Passes on at most `lines` lines in each `period`; the first line after a silence says how many were left out.
class RateLimitedLog {
 public:
  explicit RateLimitedLog(LogSink sink, uint32_t lines = 5, std::chrono::milliseconds period = std::chrono::seconds(10))
      : sink_(std::move(sink)), lines_(lines), period_(period) {}

  // Logs what `text()` returns; it is not called, and nothing is formatted, when the line is left out. [any]
  template <typename MakeText>
  void write(int32_t level, MakeText&& text) {
    if (!sink_) return;
    const std::optional<uint64_t> left_out = admit();
    if (!left_out) return;
    std::string line = text();
    if (*left_out > 0) line += " (" + std::to_string(*left_out) + " lines like this were left out before)";
    sink_(level, line);
  }

 private:
  // How many lines were left out since the last one that was not; nothing when this one is left out too.
  std::optional<uint64_t> admit() {
    const std::lock_guard guard(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (used_ == 0 || now - start_ >= period_) {
      start_ = now;
      used_ = 0;
    }
    if (used_ >= lines_) {
      ++left_out_;
      return std::nullopt;
    }
    ++used_;
    return std::exchange(left_out_, 0);
  }

  LogSink sink_;
  const uint32_t lines_;
  const std::chrono::steady_clock::duration period_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point start_;
  uint32_t used_ = 0;
  uint64_t left_out_ = 0;
};

} // namespace sporehost
