// The log lines of one source that a guest may make speak: a device, the policy, the agent's reports. They are limited,
// each level by itself, so that a flood of one hides none of another.
#pragma once

#include <spdlog/spdlog.h>

#include <array>
#include <string>
#include <utility>

#include "core/base/log_level.hpp"
#include "core/base/rate_limited_log.hpp"

namespace sporehost {

class SourceLog {
 public:
  // `name` begins each line.
  explicit SourceLog(const std::string& name)
      : levels_{RateLimitedLog(lines_of(name), kDebugLines), RateLimitedLog(lines_of(name)),
                RateLimitedLog(lines_of(name)), RateLimitedLog(lines_of(name))} {}

  // `level` is SPORE_LOG_*; what is none of them counts as an error. `text()` is not called for a line that is not
  // wanted. [any]
  template <typename MakeText>
  void write(int32_t level, MakeText&& text) {
    if (!spdlog::should_log(spdlog_level(level))) return;
    const int32_t known = level < SPORE_LOG_DEBUG || level > SPORE_LOG_ERROR ? SPORE_LOG_ERROR : level;
    levels_[static_cast<size_t>(known)].write(known, std::forward<MakeText>(text));
  }

  // Lines that were left out, in all. [any]
  [[nodiscard]] uint64_t left_out() const {
    uint64_t lines = 0;
    for (const RateLimitedLog& log : levels_) lines += log.left_out();
    return lines;
  }

 private:
  static constexpr uint32_t kDebugLines = 50; // for who looks for a fault, and it takes more of them to find one

  static LogSink lines_of(const std::string& name) {
    return [name](int32_t level, std::string_view text) { spdlog::log(spdlog_level(level), "{}: {}", name, text); };
  }

  std::array<RateLimitedLog, 4> levels_; // SPORE_LOG_*
};

} // namespace sporehost
