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

#include "core/base/rate_limit.hpp"

namespace sporehost {

// Where a part of the core sends its lines: the level is SPORE_LOG_*, the text one line. Must be callable from any
// thread; may be empty. [any]
using LogSink = std::function<void(int32_t level, std::string_view text)>;

// Passes on at most `lines` lines in each `period`; the first line after a silence says how many were left out.
class RateLimitedLog {
 public:
  explicit RateLimitedLog(LogSink sink, uint32_t lines = 5, std::chrono::milliseconds period = std::chrono::seconds(10))
      : sink_(std::move(sink)), limit_(lines, period) {}

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

  // Lines that were left out, in all. [any]
  [[nodiscard]] uint64_t left_out() const {
    const std::lock_guard guard(mutex_);
    return limit_.refused();
  }

 private:
  std::optional<uint64_t> admit() {
    const std::lock_guard guard(mutex_);
    return limit_.admit(std::chrono::steady_clock::now().time_since_epoch());
  }

  LogSink sink_;
  mutable std::mutex mutex_;
  RateLimit limit_;
};

} // namespace sporehost
