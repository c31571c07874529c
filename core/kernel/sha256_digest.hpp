// SHA-256 (FIPS 180-4), a piece at a time. The program that runs a guest needs it for the kernel's digest, and no
// library that has it costs a start less than this file.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sporehost::kernel {

class Sha256Digest {
 public:
  void update(std::string_view bytes);
  // The digest of all that came, in lower-case hexadecimal digits. Ends this object's life.
  [[nodiscard]] std::string finish();

 private:
  static constexpr size_t kBlock = 64;

  void take_block(std::span<const uint8_t, kBlock> block);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, kBlock> rest_{}; // what does not fill a block yet
  uint64_t bytes_ = 0;                 // all that came
};

} // namespace sporehost::kernel
