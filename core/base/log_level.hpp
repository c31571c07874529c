// The ABI's log levels as the log's own.
#pragma once

#include <spdlog/common.h>
#include <sporehost/host.h>

namespace sporehost {

// `level` is SPORE_LOG_*; what is none of them counts as an error. [any]
[[nodiscard]] inline spdlog::level::level_enum spdlog_level(int32_t level) {
  switch (level) {
    case SPORE_LOG_DEBUG:
      return spdlog::level::debug;
    case SPORE_LOG_INFO:
      return spdlog::level::info;
    case SPORE_LOG_WARN:
      return spdlog::level::warn;
    default:
      return spdlog::level::err;
  }
}

} // namespace sporehost
