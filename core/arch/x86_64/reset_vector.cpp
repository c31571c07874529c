#include "core/arch/x86_64/reset_vector.hpp"

#include "core/arch/x86_64/board.hpp"

namespace sporehost::arch::x86_64 {

std::array<uint8_t, 10> make_reset_vector() {
  constexpr uint8_t low = kResetPort & 0xff, high = kResetPort >> 8;
  return {
      0xfa,                    // cli
      0xba, low,         high, // mov dx, kResetPort
      0xb0, kResetValue,       // mov al, kResetValue
      0xee,                    // out dx, al
      0xf4,                    // halt: hlt
      0xeb, 0xfd,              // jmp halt
  };
}

spore::Result<void> write_reset_vector(GuestWriter& guest) {
  return guest.write(kResetVector, make_reset_vector());
}

} // namespace sporehost::arch::x86_64
