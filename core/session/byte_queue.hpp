// A bounded first-in, first-out queue of bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sporehost {

class ByteQueue {
 public:
  explicit ByteQueue(size_t limit) : limit_(limit) {}

  // Appends as much as fits and returns how much that was.
  size_t push(std::span<const uint8_t> bytes) {
    const size_t taken = std::min(bytes.size(), limit_ - std::min(limit_, size()));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(taken));
    return taken;
  }

  // The bytes in the queue; valid until the next change.
  [[nodiscard]] std::span<const uint8_t> view() const { return std::span(bytes_).subspan(head_); }
  [[nodiscard]] size_t size() const { return bytes_.size() - head_; }
  [[nodiscard]] bool empty() const { return size() == 0; }

  // Drops the first `count` bytes.
  void pop(size_t count) {
    head_ += count;
    if (head_ < bytes_.size() / 2 && head_ < 65536) return;
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(head_));
    head_ = 0;
  }

 private:
  size_t limit_;
  size_t head_ = 0;
  std::vector<uint8_t> bytes_;
};

} // namespace sporehost
