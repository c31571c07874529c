// The one way by which board code puts bytes into the guest: boot tables are computed as bytes, then handed here.
#pragma once

#include <sporehost/result.hpp>

#include <cstdint>
#include <span>

namespace sporehost::arch {

class GuestWriter {
 public:
  virtual ~GuestWriter() = default;
  // Copies `bytes` to the guest-physical address `gpa`. Errors: SPORE_E_RANGE when any byte lies outside RAM. [main]
  [[nodiscard]] virtual spore::Result<void> write(uint64_t gpa, std::span<const uint8_t> bytes) = 0;
};

} // namespace sporehost::arch
