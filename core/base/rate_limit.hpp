// So many in each period of time, the rest counted: what keeps a guest from filling the host's log, or its time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace sporehost {

// One thread at a time.
class RateLimit {
 public:
  RateLimit(uint32_t count, std::chrono::nanoseconds period) : count_(count), period_(period) {}

  // Whether one more may pass at `now` (time since any fixed point): how many were refused since the last that passed;
  // nothing: this one is refused too.
  std::optional<uint64_t> admit(std::chrono::nanoseconds now) {
    if (used_ == 0 || now - start_ >= period_) {
      start_ = now;
      used_ = 0;
    }
    if (used_ >= count_) {
      ++refused_;
      ++refused_in_all_;
      return std::nullopt;
    }
    ++used_;
    return std::exchange(refused_, 0);
  }

  [[nodiscard]] uint64_t refused() const { return refused_in_all_; }

 private:
  uint32_t count_;
  std::chrono::nanoseconds period_;
  std::chrono::nanoseconds start_{0};
  uint32_t used_ = 0;
  uint64_t refused_ = 0;
  uint64_t refused_in_all_ = 0;
};

} // namespace sporehost
