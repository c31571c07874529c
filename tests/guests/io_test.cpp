// MMIO: widths, values, order.
#include <gmock/gmock.h>

#include "tests/guests/guest_test.hpp"

namespace guests {
namespace {

using ::testing::ElementsAre;

constexpr uint64_t kAnswer = 0x8877665544332211;

TEST_F(GuestTest, MmioCarriesEveryWidth) {
  boot("mmio");
  machine.answer = [](Kind, uint64_t, uint32_t) { return kAnswer; };
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_THAT(
      machine.accesses(),
      ElementsAre(Access{Kind::kMmioWrite, kMmio, 1, 0x88}, Access{Kind::kMmioWrite, kMmio + 0x10, 2, 0x7788},
                  Access{Kind::kMmioWrite, kMmio + 0x20, 4, 0x55667788},
                  Access{Kind::kMmioWrite, kMmio + 0x30, 8, 0x1122334455667788},
                  Access{Kind::kMmioRead, kMmio + 0x40, 1, 0x11}, Access{Kind::kMmioRead, kMmio + 0x50, 2, 0x2211},
                  Access{Kind::kMmioRead, kMmio + 0x60, 4, 0x44332211},
                  Access{Kind::kMmioRead, kMmio + 0x70, 8, kAnswer}));
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults), 0x11U);
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults + 8), 0x2211U);
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults + 16), 0x44332211U);
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults + 24), kAnswer);
}

// A kick from inside a callback must not lose the access that is being served: its value reaches the guest first.
TEST_F(GuestTest, KickDuringAnAccessCompletesIt) {
  boot("mmio");
  machine.answer = [&](Kind, uint64_t, uint32_t) {
    machine.backend().kick(0);
    return kAnswer;
  };
  for (int read = 0; read < 3; ++read) {
    const auto exit = machine.run();
    ASSERT_TRUE(exit) << machine.error();
    ASSERT_EQ(exit->reason, static_cast<uint32_t>(SPORE_EXIT_KICKED)) << exit->text;
    // The read at hand is complete: the register holds it, and the instruction is behind.
    EXPECT_EQ(accumulator(machine.state()) & 0xff, 0x11U) << "read " << read;
  }
  machine.answer = [](Kind, uint64_t, uint32_t) { return kAnswer; };
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_EQ(machine.accesses().size(), 8U);
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults + 24), kAnswer);
}

} // namespace
} // namespace guests
