// Register state in and out, and the identity of a vCPU.
#include <bit>

#include "tests/guests/guest_test.hpp"

namespace guests {
namespace {

constexpr unsigned kWindowRegister = 28; // registers.S needs it

State with_pattern(State state) {
  uint64_t value = 0x0123456789abcdef;
  for (unsigned i = 0; i < std::size(state.x); ++i) {
    value = std::rotl(value, 7);
    if (i != kWindowRegister) state.x[i] = value;
  }
  return state;
}

TEST_F(GuestTest, StateComesBackAsItWasSet) {
  ASSERT_TRUE(machine.open(1));
  State set = with_pattern(entry_state({machine.ram().data(), kRamBytes}, kOrigin));
  set.sp_el0 = 0x1234'5678'9abc'def0;
  set.sp_el1 = 0x0fed'cba9'8765'4320;
  set.pstate |= uint64_t{0xa} << 28; // N and C
  machine.set_state(set);
  const State got = machine.state();
  for (unsigned i = 0; i < std::size(set.x); ++i) EXPECT_EQ(got.x[i], set.x[i]) << "x" << i;
  EXPECT_EQ(got.sp_el0, set.sp_el0);
  EXPECT_EQ(got.sp_el1, set.sp_el1);
  EXPECT_EQ(got.pc, set.pc);
  EXPECT_EQ(got.pstate, set.pstate);
}

TEST_F(GuestTest, TheGuestWorksOnTheStateThatWasSet) {
  boot("registers");
  State set = with_pattern(machine.state());
  set.pc = kOrigin; // past the code that turns the MMU on, which has registers of its own
  machine.set_state(set);
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  const State got = machine.state();
  for (unsigned i = 0; i < std::size(set.x); ++i)
    EXPECT_EQ(got.x[i], set.x[i] + (i != kWindowRegister ? 1 : 0)) << "x" << i;
  EXPECT_EQ(got.sp_el1, set.sp_el1);
}

TEST_F(GuestTest, ANewVcpuIsAsResetLeavesIt) {
  ASSERT_TRUE(machine.open(1));
  const State got = machine.state();
  EXPECT_EQ(got.pstate & 0x3df, 0x3c5U) << "EL1h, interrupts masked";
}

} // namespace
} // namespace guests
