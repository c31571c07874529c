// Ports and MMIO: widths, values, order, strings.
#include <gmock/gmock.h>

#include "tests/guests/guest_test.hpp"

namespace guests {
namespace {

using ::testing::ElementsAre;

constexpr uint64_t kAnswer = 0x8877665544332211;

TEST_F(GuestTest, PortsCarryEveryWidth) {
  boot("ports");
  machine.answer = [](Kind, uint64_t, uint32_t) { return kAnswer; };
  ASSERT_TRUE(machine.run_to_done()) << machine.error();

  auto seen = machine.accesses();
  ASSERT_GE(seen.size(), 6U);
  seen.resize(6);
  EXPECT_THAT(seen,
              ElementsAre(Access{Kind::kPortWrite, 0xe0, 1, 0x11}, Access{Kind::kPortWrite, 0xe2, 2, 0x2233},
                          Access{Kind::kPortWrite, 0x1024, 4, 0x44556677}, Access{Kind::kPortRead, 0xe4, 1, 0x11},
                          Access{Kind::kPortRead, 0xe6, 2, 0x2211}, Access{Kind::kPortRead, 0x1034, 4, 0x44332211}));
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults), 0x11U);
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults + 8), 0x2211U);
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults + 16), 0x44332211U);
}

TEST_F(GuestTest, StringInstructionsArriveByteByByteInOrder) {
  boot("ports");
  uint64_t next = 0xa0;
  machine.answer = [&](Kind, uint64_t port, uint32_t) { return port == 0x542 ? next++ : 0; };
  ASSERT_TRUE(machine.run_to_done()) << machine.error();

  std::string text;
  for (const Access& access : machine.accesses()) {
    if (access.kind != Kind::kPortWrite || access.address != 0x540) continue;
    EXPECT_EQ(access.bytes, 1U);
    text += static_cast<char>(access.value);
  }
  EXPECT_EQ(text, "many bytes at once");
  EXPECT_EQ(machine.ram().at<uint32_t>(kResults + 24), 0xa3a2a1a0U);
}

TEST_F(GuestTest, RealModeRuns) {
  ASSERT_TRUE(machine.open(1));
  machine.load("ports_real");
  machine.start_in_real_mode();
  machine.answer = [](Kind, uint64_t, uint32_t) { return kAnswer; };
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_THAT(machine.accesses(),
              ElementsAre(Access{Kind::kPortWrite, 0xe0, 1, 0x5a}, Access{Kind::kPortRead, 0xe4, 1, 0x11}));
  EXPECT_EQ(machine.ram().at<uint16_t>(kResults), 0x1111U);
}

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
    machine.ops().kick(machine.self(), 0);
    return kAnswer;
  };
  for (int read = 0; read < 3; ++read) {
    const auto exit = machine.run();
    ASSERT_TRUE(exit) << machine.error();
    ASSERT_EQ(exit->reason, static_cast<uint32_t>(SPORE_EXIT_KICKED)) << exit->text;
    // The read at hand is complete: the register holds it, and the instruction is behind.
    EXPECT_EQ(machine.state().rax & 0xff, 0x11U) << "read " << read;
  }
  machine.answer = [](Kind, uint64_t, uint32_t) { return kAnswer; };
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_EQ(machine.accesses().size(), 8U);
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults + 24), kAnswer);
}

} // namespace
} // namespace guests
