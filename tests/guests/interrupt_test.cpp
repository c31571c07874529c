// Interrupt lines reach a guest that halts.
#include <thread>

#include "tests/guests/guest_test.hpp"

namespace guests {
namespace {

constexpr int kInterrupts = 3;

// The first mark is the guest's "ready"; each interrupt handled makes one more.
void interrupt_from_another_thread(GuestMachine& machine, const std::function<spore_status()>& make_edge) {
  spore_status status = SPORE_OK;
  std::thread host([&] {
    for (int i = 0; i < kInterrupts && status == SPORE_OK && machine.wait_for_marks(1 + i); ++i) status = make_edge();
  });
  const bool done = machine.run_to_done();
  host.join();
  ASSERT_EQ(status, SPORE_OK);
  ASSERT_TRUE(done) << machine.error();
  EXPECT_EQ(machine.ram().at<uint32_t>(kResults), static_cast<uint32_t>(kInterrupts));
  EXPECT_EQ(machine.marks(), 1 + kInterrupts) << "an edge was delivered twice";
}

TEST_F(GuestTest, PulseWakesAHaltedGuest) {
  boot("interrupts");
  interrupt_from_another_thread(machine, [&] { return machine.backend().pulse_irq(kListenedGsi); });
}

TEST_F(GuestTest, LineUpAndDownWakesAHaltedGuest) {
  boot("interrupts");
  interrupt_from_another_thread(machine, [&] {
    const spore_status up = machine.backend().set_irq_line(kListenedGsi, 1);
    return up != SPORE_OK ? up : machine.backend().set_irq_line(kListenedGsi, 0);
  });
}

TEST_F(GuestTest, InterruptsThatDoNotExistAreRefused) {
  EXPECT_EQ(machine.backend().pulse_irq(kListenedGsi), SPORE_E_STATE);
  ASSERT_TRUE(machine.open(1));
  EXPECT_EQ(machine.backend().pulse_irq(5000), SPORE_E_RANGE);
  EXPECT_EQ(machine.backend().set_irq_line(~0U, 1), SPORE_E_RANGE);
}

TEST_F(GuestTest, WithoutInterruptControllerALineIsRefused) {
  boot("halt", 1, 0);
  EXPECT_EQ(machine.backend().pulse_irq(kListenedGsi), SPORE_E_UNSUPPORTED);
}

} // namespace
} // namespace guests
