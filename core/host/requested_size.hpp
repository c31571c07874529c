// How much of the elastic region the guest shall have plugged: the one place that knows it. The policy's runner changes
// it; the device, the report and whoever waits for memory read it.
#pragma once

#include <atomic>
#include <cstdint>

namespace sporehost {

class RequestedSize {
 public:
  explicit RequestedSize(uint64_t bytes = 0) : bytes_(bytes) {}

  [[nodiscard]] uint64_t get() const { return bytes_.load(std::memory_order_acquire); } // [any]
  void set(uint64_t bytes) { bytes_.store(bytes, std::memory_order_release); }          // [main]

 private:
  std::atomic<uint64_t> bytes_;
};

} // namespace sporehost
