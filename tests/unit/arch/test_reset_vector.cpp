#include "core/arch/x86_64/reset_vector.hpp"

#include <gtest/gtest.h>

#include "core/arch/x86_64/board.hpp"
#include "tests/unit/arch/fake_guest.hpp"

namespace sporehost::arch::x86_64 {
namespace {

// That the code resets is what the guests of tests/machine-guests and tests/nested show.
TEST(ResetVector, LiesAtTheBiosEntryInReservedMemory) {
  testing::FakeGuest guest;
  ASSERT_TRUE(write_reset_vector(guest).ok());
  const auto code = make_reset_vector();
  EXPECT_EQ(0xf000 * 16 + 0xfff0, kResetVector);
  EXPECT_LE(kResetVector + code.size(), kBiosEnd) << "real mode reaches 64 KiB from f000:0000";
  EXPECT_EQ((guest.read<std::array<uint8_t, 10>>(kResetVector)), code);

  const auto layout = board_layout(512 * kMiB, 0);
  ASSERT_TRUE(layout.ok());
  for (const E820Entry& entry : layout->e820) {
    const bool covers = entry.gpa <= kResetVector && kResetVector + code.size() <= entry.gpa + entry.size;
    EXPECT_EQ(covers, entry.type == E820Type::reserved && entry.gpa == kMpConfig);
  }
}

} // namespace
} // namespace sporehost::arch::x86_64
