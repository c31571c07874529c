#include "core/lifecycle/plan_limit.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "core/base/exit_status.hpp"
#include "core/system/event_loop.hpp"

namespace sporehost {
namespace {

using namespace std::chrono_literals;

[[noreturn]] void wait_for_ever() {
  while (true) ::pause();
}

TEST(PlanLimitDeathTest, TheTimeOfTheRunEndsAPlanThatTakesLonger) {
  EXPECT_EXIT(
      {
        const PlanLimit limit(100ms, monotonic_ns());
        wait_for_ever();
      },
      testing::ExitedWithCode(kExitTimeout),
      "sporehost: the run took longer than 100ms \\(lifecycle.run-timeout\\); there was no machine yet");
}

TEST(PlanLimitDeathTest, ASignalDoesWhatItDoesToAnyProgram) {
  EXPECT_EXIT(
      {
        const PlanLimit limit(1h, monotonic_ns());
        ::raise(SIGTERM);
        wait_for_ever();
      },
      testing::KilledBySignal(SIGTERM), "");
}

TEST(PlanLimit, ItEndsWithThePlan) {
  { const PlanLimit limit(20ms, monotonic_ns()); }
  ::usleep(40'000);
  { const PlanLimit none(std::nullopt, 0); }
}

} // namespace
} // namespace sporehost
