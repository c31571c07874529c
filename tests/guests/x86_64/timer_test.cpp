// The PC's timer, for kernels without kvm-clock: its interrupt is IOAPIC pin 0, as the MP table says and as ACPI does
// by naming no other, and channel 2 can be read.
#include <gtest/gtest.h>

#include "tests/guests/guest_test.hpp"

namespace guests {
namespace {

TEST_F(GuestTest, TheTimerTicksOnPinZeroAndCanBeReadOnChannelTwo) {
  boot("timer");
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_GE(machine.ram().at<uint32_t>(kResults), 3U);
  const auto polls = machine.ram().at<uint32_t>(kResults + 4);
  EXPECT_GE(polls, 2U) << "the output was up at once: nobody counts";
  RecordProperty("polls_in_10ms", static_cast<int>(polls)); // Linux believes it from 1000 on
}

} // namespace
} // namespace guests
