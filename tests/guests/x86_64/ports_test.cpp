// Ports: widths, values, order, strings; and real mode, which has nothing else.
#include <gmock/gmock.h>

#include "tests/guests/guest_test.hpp"
#include "tests/guests/x86_64/real_mode.hpp"

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
  machine.set_state(real_mode_state(kOrigin));
  machine.answer = [](Kind, uint64_t, uint32_t) { return kAnswer; };
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_THAT(machine.accesses(),
              ElementsAre(Access{Kind::kPortWrite, 0xe0, 1, 0x5a}, Access{Kind::kPortRead, 0xe4, 1, 0x11}));
  EXPECT_EQ(machine.ram().at<uint16_t>(kResults), 0x1111U);
}

} // namespace
} // namespace guests
