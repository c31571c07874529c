// The ways in which an x86-64 guest stops.
#include <gmock/gmock.h>

#include "tests/guests/guest_test.hpp"

namespace guests {
namespace {

using ::testing::HasSubstr;

TEST_F(GuestTest, HaltWithoutInterruptControllerStops) {
  boot("halt", 1, 0);
  const auto exit = machine.run();
  ASSERT_TRUE(exit) << machine.error();
  EXPECT_EQ(exit->reason, static_cast<uint32_t>(SPORE_EXIT_HALTED)) << exit->text;
}

TEST_F(GuestTest, ATripleFaultIsAShutdown) {
  boot("triple_fault");
  const auto exit = machine.run();
  ASSERT_TRUE(exit) << machine.error();
  EXPECT_EQ(exit->reason, static_cast<uint32_t>(SPORE_EXIT_SHUTDOWN)) << exit->text;
}

TEST_F(GuestTest, RunningWhereNoMemoryIsIsAFaultWithAReason) {
  boot("lost");
  const auto exit = machine.run();
  ASSERT_TRUE(exit) << machine.error();
  EXPECT_EQ(exit->reason, static_cast<uint32_t>(SPORE_EXIT_FAULT)) << exit->text;
  EXPECT_EQ(exit->address, kHot);
  EXPECT_THAT(exit->text, HasSubstr("0x40000000"));
}

} // namespace
} // namespace guests
