#include "core/system/signals.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <vector>

#include "tests/unit/system/means.hpp"

namespace sporehost {
namespace {

class SignalsTest : public WithBothMeans {
 protected:
  static std::unique_ptr<EventLoop> make_loop() { return GetParam().loop(); }
  static std::unique_ptr<Signals> make_signals() { return Signals::create(*GetParam().pipe(PipeMode::non_blocking)); }
};
WITH_BOTH_MEANS(SignalsTest);

TEST_P(SignalsTest, EachIsServedInTheOrderInWhichItCame) {
  auto loop = make_loop();
  std::vector<int> seen;
  const auto signals = make_signals();
  signals->watch();
  ASSERT_TRUE(signals->attach(*loop, [&](int signal) {
    seen.push_back(signal);
    if (seen.size() == 4) loop->stop();
  }));
  pollfd come{signals->fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&come, 1, 0), 0);
  for (const int signal : {SIGTERM, SIGHUP, SIGTERM, SIGINT}) ::raise(signal);
  EXPECT_EQ(::poll(&come, 1, 0), 1) << "whoever waits for something else sees it";
  loop->run();
  EXPECT_EQ(seen, (std::vector{SIGTERM, SIGHUP, SIGTERM, SIGINT}));
}

TEST_P(SignalsTest, WhatComesWhileNobodyServesWaitsForTheNext) {
  const auto signals = make_signals();
  signals->watch();
  int seen = 0;
  {
    auto first = make_loop();
    ASSERT_TRUE(signals->attach(*first, [](int) { FAIL(); }));
    signals->detach();
  }
  ::raise(SIGTERM);
  ::raise(SIGHUP);
  auto second = make_loop();
  ASSERT_TRUE(signals->attach(*second, [&](int signal) {
    seen = signal;
    second->stop();
  }));
  second->run();
  signals->detach();
  EXPECT_EQ(seen, SIGTERM);
  EXPECT_EQ(signals->take(), SIGHUP) << "what the loop did not get to is still there";
  EXPECT_EQ(signals->take(), std::nullopt);
}

TEST_P(SignalsTest, WhatWasBeforeComesBack) {
  {
    const auto signals = make_signals();
    EXPECT_FALSE(signals->watches());
    signals->watch();
    struct sigaction now {};
    ::sigaction(SIGHUP, nullptr, &now);
    EXPECT_NE(now.sa_handler, SIG_DFL);
  }
  for (const int signal : Signals::kWatched) {
    struct sigaction now {};
    ::sigaction(signal, nullptr, &now);
    EXPECT_EQ(now.sa_handler, SIG_DFL) << signal;
  }
}

TEST_P(SignalsTest, ASighupThatIsIgnoredStaysIgnored) {
  ::signal(SIGHUP, SIG_IGN);
  auto loop = make_loop();
  {
    const auto signals = make_signals();
    signals->watch();
    ASSERT_TRUE(signals->attach(*loop, [](int) { FAIL(); }));
    ::raise(SIGHUP);
    loop->start_timer(1'000'000, [&] { loop->stop(); });
    loop->run();
  }
  ::signal(SIGHUP, SIG_DFL);
}

} // namespace
} // namespace sporehost
