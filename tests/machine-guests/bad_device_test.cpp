// Plugins that die, or do not let a run end: told from the workload by name and by exit status.
#include <gmock/gmock.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "tests/machine-guests/run.hpp"

namespace machine_guests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class BadDeviceGuest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = unusable()) GTEST_SKIP() << *reason;
  }

  static MachineText machine(const std::string& devices, const std::string& lifecycle = "{run-timeout: 30s}") {
    return {.guest = "life", .cmdline = "mode=halt", .devices = "serial-16550, " + devices, .lifecycle = lifecycle};
  }
  static MachineText bad(const std::string& how, const std::string& lifecycle = "{run-timeout: 30s}") {
    return machine("{plugin: bad-device, name: culprit, options: {how: " + how + "}}", lifecycle);
  }
  // The sanitizers have reports of their own, which say more.
  static bool sanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
  }
};

TEST_F(BadDeviceGuest, ACrashIsLaidAtThePluginsDoor) {
  if (sanitized()) GTEST_SKIP() << "the sanitizer reports crashes itself";
  for (const auto& [how, signal] : {std::pair{"crash", "SIGSEGV"}, std::pair{"abort", "SIGABRT"}}) {
    const Outcome outcome = run(bad(how));
    EXPECT_EQ(outcome.status, 120) << outcome.log;
    EXPECT_THAT(outcome.log, AllOf(HasSubstr("the plugin of 'culprit' crashed: " + std::string(signal)),
                                   HasSubstr("the workload is not to blame")));
    // Where the very instruction is the plugin's.
    if (how == std::string_view("crash")) {
      EXPECT_THAT(outcome.log, HasSubstr("bad-devices.so"));
    }
  }
}

TEST_F(BadDeviceGuest, CreateAndDestroyToo) {
  if (sanitized()) GTEST_SKIP() << "the sanitizer reports crashes itself";
  for (const char* how : {"create", "destroy"}) {
    const Outcome outcome = run(bad(how, "{run-timeout: 1s}"));
    EXPECT_EQ(outcome.status, 120) << how << outcome.log;
    EXPECT_THAT(outcome.log, AllOf(HasSubstr("bad-devices.so' (id 'bad-devices')"), HasSubstr("crashed: SIGSEGV")));
  }
}

TEST_F(BadDeviceGuest, AThreadOfItsOwnIsKnownByItsCode) {
  if (sanitized()) GTEST_SKIP() << "the sanitizer reports crashes itself";
  const Outcome outcome = run(bad("thread"));
  EXPECT_EQ(outcome.status, 120) << outcome.log;
  EXPECT_THAT(outcome.log, AllOf(HasSubstr("bad-devices.so' crashed: SIGSEGV in a thread of its own")));
}

TEST_F(BadDeviceGuest, AnExceptionIsToldAndTheMachineGoesOn) {
  const Outcome outcome = run(bad("throw", "{run-timeout: 1500ms}"));
  EXPECT_EQ(outcome.status, 124) << outcome.log;
  EXPECT_THAT(outcome.log, HasSubstr("the plugin of 'culprit' let an exception out of a callback (SDK-7): boom"));
  EXPECT_THAT(outcome.log, Not(HasSubstr("internal error")));
}

TEST_F(BadDeviceGuest, OneThatCannotDescribeItselfIsRefused) {
  const Outcome outcome = run(bad("describe", "{run-timeout: 1s}"));
  EXPECT_EQ(outcome.status, 125) << outcome.log;
  EXPECT_THAT(outcome.log, HasSubstr("bad-devices.so' (id 'bad-devices'): exception: nothing to describe"));
}

TEST_F(BadDeviceGuest, OneThatDoesNotReturnHeedsTheRunTimeoutAllTheSame) {
  const Outcome outcome = run(bad("hang", "{run-timeout: 1s}"));
  EXPECT_EQ(outcome.status, 120) << outcome.log;
  EXPECT_THAT(outcome.log, HasSubstr("the plugin of 'culprit' does not let the run end"));
  EXPECT_LT(outcome.total_ms, 15'000);
}

TEST_F(BadDeviceGuest, OneThatDoesNotReturnNeedsNobodyWhoReadsOfIt) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  const std::string block(512, '#');
  while (::write(ends[1], block.data(), block.size()) > 0) {
  }
  ::fcntl(ends[1], F_SETFL, 0);
  const Outcome outcome = run(bad("hang", "{run-timeout: 1s}"), {}, {.err = ends[1]});
  EXPECT_EQ(outcome.status, 120);
  EXPECT_LT(outcome.total_ms, 15'000);
  for (const int end : ends) ::close(end);
}

TEST_F(BadDeviceGuest, AStackThatIsUsedUpOnAVcpuIsACrashLikeAnyOther) {
  if (sanitized()) GTEST_SKIP() << "the sanitizer reports crashes itself";
  MachineText text = bad("overflow");
  text.devices = text.devices.substr(text.devices.find('{')); // in the serial port's place
  const Outcome outcome = run(text);
  EXPECT_EQ(outcome.status, 120) << outcome.log;
  EXPECT_THAT(outcome.log, HasSubstr("bad-devices.so' (id 'bad-devices') crashed: SIGSEGV"));
}

TEST_F(BadDeviceGuest, ATimerThatIsAlwaysDueStopsNeitherSignalsNorLimits) {
  const Outcome limited = run(bad("timer", "{run-timeout: 1s}"));
  EXPECT_EQ(limited.status, 124) << limited.log;
  SporeHost host(bad("timer", "{run-timeout: 50s, stop-grace: 200ms}"));
  ASSERT_TRUE(host.wait_for("mode h\n"));
  host.signal(SIGTERM);
  const Outcome stopped = host.finish();
  EXPECT_EQ(stopped.status, 143) << stopped.log;
}

// Whoever ended it: the guest's own end is one that is due.
TEST_F(BadDeviceGuest, OneThatDoesNotLetItselfBeDestroyed) {
  MachineText text = bad("destroy-hang", "{}");
  text.cmdline = "mode=off";
  const Outcome outcome = run(text);
  EXPECT_EQ(outcome.status, 120) << outcome.log;
  EXPECT_THAT(outcome.log, HasSubstr("does not let the run end"));
  EXPECT_LT(outcome.total_ms, 15'000);
}

// The guest is asked, which this one does not hear; whoever asks again does not wait for the lock.
TEST_F(BadDeviceGuest, OneThatKeepsItsLockIsEndedByTheSecondSignal) {
  SporeHost host(machine("{plugin: bad-virtio, name: keeper}", "{stop-grace: 50s}"));
  ASSERT_TRUE(host.wait_for("mode h\n"));
  std::this_thread::sleep_for(std::chrono::milliseconds(500)); // it has its lock by now
  host.signal(SIGTERM);
  host.signal(SIGINT);
  const Outcome outcome = host.finish();
  EXPECT_EQ(outcome.status, 120) << outcome.log;
  EXPECT_THAT(outcome.log, HasSubstr("the plugin of device 'keeper' does not let the run end"));
  EXPECT_LT(outcome.total_ms, 20'000);
}

} // namespace
} // namespace machine_guests
