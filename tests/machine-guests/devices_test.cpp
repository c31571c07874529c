// Devices that cannot be what they want to be: the program says so and starts nothing.
#include <gmock/gmock.h>

#include "tests/machine-guests/run.hpp"

namespace machine_guests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class OddDevices : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = unusable()) GTEST_SKIP() << *reason;
  }

  static Outcome run_with(const std::string& options, const std::string& others = "serial-16550",
                          const std::string& memory = "64MiB") {
    return run({.guest = "life",
                .cmdline = "mode=off",
                .memory = memory,
                .devices = others + ", {plugin: odd-io, name: odd, options: " + options + "}"});
  }
};

TEST_F(OddDevices, WithNothingOddTheMachineRuns) {
  const Outcome outcome = run_with("{irq: 7}");
  EXPECT_EQ(outcome.status, 0) << outcome.log;
  EXPECT_EQ(outcome.counter("machine", "lost-interrupts"), 0U);
}

TEST_F(OddDevices, ASpaceThatIsNone) {
  const Outcome outcome = run_with("{space: 7}");
  EXPECT_EQ(outcome.status, 125);
  EXPECT_THAT(outcome.log, AllOf(HasSubstr("odd-io.so"), HasSubstr("window 0 is in the unknown space 7")));
}

TEST_F(OddDevices, AnInterruptThatDoesNotExist) {
  const Outcome outcome = run_with("{irq: 999}");
  EXPECT_EQ(outcome.status, 125);
  EXPECT_THAT(outcome.log, AllOf(HasSubstr("device 'odd'"), HasSubstr("odd-io.so"),
                                 HasSubstr("interrupt 999 does not exist; the board has 0 to 23")));
}

TEST_F(OddDevices, AnInterruptOfAnotherDevice) {
  EXPECT_THAT(run_with("{irq: 4}").log, HasSubstr("interrupt 4 belongs to device 'serial-16550'"));
  EXPECT_THAT(run_with("{irq: 5}", "virtio-rng").log, HasSubstr("interrupt 5 belongs to device 'virtio-rng'"));
  EXPECT_THAT(run_with("{irq: 9}").log, HasSubstr("interrupt 9 belongs to the board's power button"));
}

// Nobody but the tables tells the guest where the device lies.
TEST_F(OddDevices, AnyPlaceAndALevelLineAreFoundByTheGuest) {
  const Outcome outcome = run({.guest = "line", .devices = "serial-16550, {plugin: odd-io, name: odd}, line-io"});
  EXPECT_EQ(outcome.status, 0) << outcome.log;
  EXPECT_THAT(outcome.console, AllOf(HasSubstr("ok described"), HasSubstr("ok registers"), HasSubstr("ok ports"),
                                     HasSubstr("ok again while it is high"), HasSubstr("ok none once it is low"),
                                     Not(HasSubstr("FAIL"))));
  // The odd one has a page at the begin of the free area.
  EXPECT_THAT(outcome.console, AllOf(HasSubstr("base=0xd8001000"), HasSubstr("port=0x1000"), HasSubstr("gsi=0x3")));
}

TEST_F(OddDevices, TheRegionOfAnotherDevice) {
  const Outcome outcome = run_with("{elastic: true}", "serial-16550, virtio-mem", "{policy: {plugin: policy-elastic}}");
  EXPECT_EQ(outcome.status, 125);
  EXPECT_THAT(outcome.log, HasSubstr("device 'odd' wants the region to plug, which device 'virtio-mem' has"));
}

TEST_F(OddDevices, ADeviceMayEndTheMachine) {
  const auto ended = [](const std::string& how) {
    return run({.guest = "exit", .devices = "serial-16550, {plugin: debug-exit, options: {how: " + how + "}}"});
  };
  const Outcome status = ended("status");
  EXPECT_EQ(status.status, 42) << status.log;
  EXPECT_THAT(status.log, HasSubstr("debug-exit: the guest wrote its status"));
  EXPECT_EQ(ended("power-off").status, 0);
  const Outcome reset = ended("reset");
  EXPECT_EQ(reset.status, 123) << reset.log;
  EXPECT_THAT(reset.log, HasSubstr("the guest restarted itself"));
}

} // namespace
} // namespace machine_guests
