// Keeps a guest from filling the host's log: so many lines in a window of time, the rest counted.
#pragma once

#include <cstdint>

namespace virtio_mem {

// One thread at a time.
class RateLimit {
 public:
  RateLimit(uint32_t lines, uint64_t window_ns) : lines_(lines), window_ns_(window_ns) {}

  // Whether a line may be written now.
  [[nodiscard]] bool allows(uint64_t now_ns) {
    if (!started_ || now_ns - window_start_ns_ >= window_ns_) {
      started_ = true;
      window_start_ns_ = now_ns;
      used_ = 0;
    }
    if (used_ < lines_) return ++used_, true;
    ++dropped_;
    return false;
  }

  // How many lines have been dropped since the last call.
  [[nodiscard]] uint64_t take_dropped() {
    const uint64_t dropped = dropped_;
    dropped_ = 0;
    return dropped;
  }

 private:
  const uint32_t lines_;
  const uint64_t window_ns_;
  bool started_ = false;
  uint64_t window_start_ns_ = 0;
  uint32_t used_ = 0;
  uint64_t dropped_ = 0;
};

} // namespace virtio_mem
