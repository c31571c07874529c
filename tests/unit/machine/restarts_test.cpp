#include "core/lifecycle/restarts.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <thread>

namespace sporehost {
namespace {

using namespace std::chrono_literals;

spore::Result<std::optional<Outcome>> pause_run(
    std::chrono::milliseconds pause, std::optional<std::chrono::nanoseconds> left,
    std::optional<std::chrono::milliseconds> allowed, const std::function<void()>& before = [] {}) {
  const auto loop = std::move(EventLoop::create()).value();
  const auto signals = std::move(Signals::create()).value();
  signals->watch();
  before();
  return pause_before_restart(*loop, *signals, pause, left, allowed);
}

TEST(Restarts, PausesGrowUntilTheyAreLongEnough) {
  Restarts restarts(std::nullopt);
  std::vector<int64_t> pauses;
  for (int i = 0; i < 8; ++i) pauses.push_back(restarts.next(1s)->count());
  EXPECT_EQ(pauses, (std::vector<int64_t>{100, 200, 400, 800, 1600, 3200, 5000, 5000}));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(restarts.next(0s), Restarts::kLongestPause);
  EXPECT_EQ(restarts.count(), 108u);
}

TEST(Restarts, OnlyThoseThatComeSoonCountAgainstTheLimit) {
  Restarts restarts(3);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(restarts.next(Restarts::kSoon), Restarts::kFirstPause);
  EXPECT_TRUE(restarts.next(1s));
  EXPECT_TRUE(restarts.next(59s));
  EXPECT_FALSE(restarts.next(1s)) << "three in a row: the one after a long run, and two more";
  EXPECT_EQ(restarts.count(), 22u);
  EXPECT_EQ(restarts.why_not("it panicked"),
            "it panicked; it was started again 3 times in a row and never ran for 1min (lifecycle.restart-max)");
}

TEST(Restarts, NoneAtAllIsALimitToo) {
  Restarts restarts(0);
  EXPECT_FALSE(restarts.next(1h));
  EXPECT_EQ(restarts.why_not("x"), "x; it is not started again (lifecycle.restart-max)");
}

TEST(Restarts, ThePauseEndsByItself) {
  const auto end = pause_run(5ms, std::nullopt, std::nullopt);
  ASSERT_TRUE(end.ok());
  EXPECT_FALSE(*end);
}

TEST(Restarts, ASignalEndsThePauseAndTheRun) {
  std::thread other;
  const auto end = pause_run(60s, std::nullopt, std::nullopt, [&] {
    other = std::thread([] {
      std::this_thread::sleep_for(50ms);
      ::kill(::getpid(), SIGTERM);
    });
  });
  other.join();
  ASSERT_TRUE(end.ok() && *end);
  EXPECT_EQ((*end)->exit_status, 143);
  EXPECT_EQ((*end)->text, "stopped by SIGTERM before the guest was started again");
}

// The loop of the machine that is gone has not served it.
TEST(Restarts, ASignalFromBeforeThePauseEndsTheRunToo) {
  const auto end = pause_run(60s, std::nullopt, std::nullopt, [] { ::raise(SIGTERM); });
  ASSERT_TRUE(end.ok() && *end);
  EXPECT_EQ((*end)->exit_status, 143);
}

TEST(Restarts, TheTimeOfTheWholeRunEndsThePause) {
  const auto end = pause_run(60s, -5ns, 2s);
  ASSERT_TRUE(end.ok() && *end);
  EXPECT_EQ((*end)->exit_status, kExitTimeout);
  EXPECT_EQ((*end)->text, "the run took longer than 2s (lifecycle.run-timeout)");
}

} // namespace
} // namespace sporehost
