// How a machine ends: every way that a guest or the one who runs it has, by a guest that does nothing else
// (x86_64/life.S).
#include <gmock/gmock.h>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "tests/machine-guests/run.hpp"

namespace machine_guests {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class LifeGuest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = unusable()) GTEST_SKIP() << *reason;
  }

  static MachineText machine(const char* mode, const std::string& lifecycle = "{run-timeout: 30s}") {
    return {.guest = "life", .cmdline = std::string("mode=") + mode, .lifecycle = lifecycle};
  }

  static void expect_end(const Outcome& outcome, int status, const std::string& end, const std::string& words) {
    EXPECT_EQ(outcome.status, status) << outcome.log;
    EXPECT_THAT(outcome.console, StartsWith("mode ")) << "the guest has run";
    ASSERT_TRUE(outcome.report.is_object()) << outcome.log;
    EXPECT_EQ(outcome.report.value("end", ""), end);
    EXPECT_EQ(outcome.report.value("exit_status", -1), status);
    EXPECT_THAT(outcome.report.value("message", ""), HasSubstr(words));
    EXPECT_THAT(outcome.log, HasSubstr(words)) << "a person reads the same on standard error";
  }
};

TEST_F(LifeGuest, PowerOffIsSuccess) {
  const Outcome outcome = run(machine("off"));
  expect_end(outcome, 0, "power-off", "");
  EXPECT_EQ(outcome.console, "mode o\n");
}

TEST_F(LifeGuest, TripleFaultIsAReset) {
  expect_end(run(machine("triple")), 123, "guest-reset", "the guest restarted itself");
}

TEST_F(LifeGuest, ResetPort) {
  expect_end(run(machine("reset")), 123, "guest-reset", "the guest restarted itself");
}

TEST_F(LifeGuest, KeyboardController) {
  expect_end(run(machine("keyboard")), 123, "guest-reset", "the guest restarted itself");
}

TEST_F(LifeGuest, JumpToTheBios) {
  expect_end(run(machine("bios")), 123, "guest-reset", "the guest restarted itself");
}

TEST_F(LifeGuest, RunTimeoutStopsAGuestThatSpins) {
  const Outcome outcome = run(machine("spin", "{run-timeout: 1500ms}"));
  expect_end(outcome, 124, "run-timeout", "lifecycle.run-timeout");
  EXPECT_GE(outcome.total_ms, 1490);
  EXPECT_LT(outcome.total_ms, 10'000);
}

TEST_F(LifeGuest, RunTimeoutStopsAGuestThatSleeps) {
  expect_end(run(machine("halt", "{run-timeout: 1500ms}")), 124, "run-timeout", "lifecycle.run-timeout");
}

// There was a workload to run, and nobody in this guest who could have run it.
TEST_F(LifeGuest, PowerOffBeforeTheWorkloadIsAFailure) {
  MachineText text = machine("off");
  text.devices = "virtio-console, serial-16550";
  const Outcome outcome = run(text, {"--", "/bin/sh", "-c", "exit 7"});
  expect_end(outcome, 123, "power-off", "its workload did not run: PID 1 never answered");
  EXPECT_THAT(outcome.log, HasSubstr("the last lines of the guest's console:\nmode o")) << "with what it said last";
}

TEST_F(LifeGuest, RestartsAreBoundedAndCounted) {
  const Outcome outcome = run(machine("reset", "{run-timeout: 30s, on-guest-reset: restart, restart-max: 3}"));
  expect_end(outcome, 123, "guest-reset", "it was started again 3 times in a row and never ran for 1min");
  EXPECT_EQ(outcome.report.value("restarts", 0), 3);
  const auto lines = outcome.lines();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "mode r"), 4);
  EXPECT_GE(outcome.total_ms, 700) << "pauses of 100, 200 and 400 ms";
}

TEST_F(LifeGuest, ASignalEndsThePauseBeforeARestart) {
  SporeHost host(machine("reset", "{run-timeout: 50s, on-guest-reset: restart, restart-max: none}"));
  ASSERT_TRUE(host.wait_for("mode r\n"));
  std::this_thread::sleep_for(std::chrono::milliseconds(1800)); // the pauses are long by now, the guest's runs short
  host.signal(SIGTERM);
  const Outcome outcome = host.finish();
  EXPECT_EQ(outcome.status, 143) << outcome.log;
  EXPECT_EQ(outcome.report.value("end", ""), "signal") << "and it is reported";
  EXPECT_GE(outcome.report.value("restarts", 0), 2);
  EXPECT_LT(outcome.total_ms, 20'000);
}

// Also one that comes between a machine's last breath and the pause, when no loop runs.
TEST_F(LifeGuest, NoSignalIsLostAroundARestart) {
  for (int delay_us = 0; delay_us < 16'000; delay_us += 1'500) {
    SporeHost host(
        machine("reset", "{run-timeout: 20s, stop-grace: 200ms, on-guest-reset: restart, restart-max: none}"));
    ASSERT_TRUE(host.wait_for("mode r\n"));
    std::this_thread::sleep_for(std::chrono::microseconds(delay_us));
    host.signal(SIGTERM);
    const Outcome outcome = host.finish();
    EXPECT_EQ(outcome.status, 143) << delay_us << outcome.log;
    EXPECT_EQ(outcome.report.value("end", ""), "signal");
    EXPECT_LT(outcome.total_ms, 10'000);
  }
}

TEST_F(LifeGuest, AFailureToStartAgainReportsWhatWasRun) {
  MachineText text = machine("reset", "{run-timeout: 30s, on-guest-reset: restart}");
  text.kernel = ::testing::TempDir() + "life-test." + std::to_string(::getpid()) + ".elf";
  std::filesystem::copy_file(image("life"), text.kernel, std::filesystem::copy_options::overwrite_existing);
  SporeHost host(text);
  ASSERT_TRUE(host.wait_for("mode r\n"));
  std::filesystem::remove(text.kernel);
  expect_end(host.finish(), 123, "guest-reset", "; it could not be started again: ");
}

TEST_F(LifeGuest, RestartsUntilTheRunTimeout) {
  const Outcome outcome = run(machine("reset", "{run-timeout: 2s, on-guest-reset: restart}"));
  expect_end(outcome, 124, "run-timeout", "longer than 2s");
  size_t starts = 0;
  for (const std::string& line : outcome.lines()) starts += line == "mode r" ? 1 : 0;
  EXPECT_GE(starts, 2U) << "it was started again";
  EXPECT_GE(outcome.total_ms, 2000);
  EXPECT_LT(outcome.total_ms, 15'000);
}

// Nobody in this guest listens, neither to the channel nor to the power button.
TEST_F(LifeGuest, TermEndsASleepingGuestAfterTheGrace) {
  SporeHost host(machine("halt", "{run-timeout: 30s, stop-grace: 300ms}"));
  ASSERT_TRUE(host.wait_for("mode h\n"));
  const auto asked = std::chrono::steady_clock::now();
  host.signal(SIGTERM);
  const Outcome outcome = host.finish();
  const auto took = std::chrono::steady_clock::now() - asked;
  expect_end(outcome, 128 + SIGTERM, "signal", "SIGTERM");
  EXPECT_GE(took, std::chrono::milliseconds(300)) << "the guest had its grace";
  EXPECT_LT(took, std::chrono::seconds(4)) << "and no more";
}

// A terminal that is closed, or a session that breaks off.
TEST_F(LifeGuest, HangUpStopsAsTermDoes) {
  SporeHost host(machine("halt", "{run-timeout: 30s, stop-grace: 300ms}"));
  ASSERT_TRUE(host.wait_for("mode h\n"));
  host.signal(SIGHUP);
  expect_end(host.finish(), 128 + SIGHUP, "signal", "SIGHUP");
}

TEST_F(LifeGuest, TermEndsASpinningGuestAfterTheGrace) {
  SporeHost host(machine("spin", "{run-timeout: 30s, stop-grace: 200ms}"));
  ASSERT_TRUE(host.wait_for("mode s\n"));
  host.signal(SIGTERM);
  expect_end(host.finish(), 128 + SIGTERM, "signal", "SIGTERM");
}

TEST_F(LifeGuest, ASecondSignalEndsItAtOnce) {
  SporeHost host(machine("halt", "{run-timeout: 50s, stop-grace: 40s}"));
  ASSERT_TRUE(host.wait_for("mode h\n"));
  host.signal(SIGTERM);
  // Two of the same kind that are pending together are one; of another kind they are not.
  host.signal(SIGINT);
  const Outcome outcome = host.finish();
  EXPECT_THAT(outcome.status, ::testing::AnyOf(128 + SIGINT, 128 + SIGTERM)) << outcome.log;
  EXPECT_LT(outcome.total_ms, 20'000);
}

TEST_F(LifeGuest, WhatIsTypedReachesTheGuest) {
  SporeHost host(machine("echo"));
  ASSERT_TRUE(host.wait_for("mode e\n"));
  host.type("Hello, SpoRE");
  ASSERT_TRUE(host.wait_for("hELLO, sPOre")) << "before there is an end of the line or of the file";
  // More than the UART's buffer, the pipe's patience and one read of the host hold.
  std::string letters, turned;
  for (int i = 0; i < 600; ++i) {
    letters += static_cast<char>('a' + i % 26);
    turned += static_cast<char>('A' + i % 26);
  }
  host.type(letters + ".");
  const Outcome outcome = host.finish();
  expect_end(outcome, 0, "power-off", "");
  EXPECT_EQ(outcome.console, "mode e\nhELLO, sPOre" + turned + ".\n");
}

} // namespace
} // namespace machine_guests
