#include "core/system/signals.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <vector>

namespace sporehost {
namespace {

std::unique_ptr<EventLoop> make_loop() {
  return std::move(EventLoop::create()).value();
}

TEST(Signals, EachIsServedInTheOrderInWhichItCame) {
  auto loop = make_loop();
  std::vector<int> seen;
  const auto signals = Signals::create();
  ASSERT_TRUE(signals.ok());
  (*signals)->watch();
  ASSERT_TRUE((*signals)->attach(*loop, [&](int signal) {
    seen.push_back(signal);
    if (seen.size() == 4) loop->stop();
  }));
  pollfd come{(*signals)->fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&come, 1, 0), 0);
  for (const int signal : {SIGTERM, SIGHUP, SIGTERM, SIGINT}) ::raise(signal);
  EXPECT_EQ(::poll(&come, 1, 0), 1) << "whoever waits for something else sees it";
  loop->run();
  EXPECT_EQ(seen, (std::vector{SIGTERM, SIGHUP, SIGTERM, SIGINT}));
}

TEST(Signals, WhatComesWhileNobodyServesWaitsForTheNext) {
  const auto signals = std::move(Signals::create()).value();
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

TEST(Signals, WhatWasBeforeComesBack) {
  {
    const auto signals = Signals::create();
    EXPECT_FALSE((*signals)->watches());
    (*signals)->watch();
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

TEST(Signals, ASighupThatIsIgnoredStaysIgnored) {
  ::signal(SIGHUP, SIG_IGN);
  auto loop = make_loop();
  {
    const auto signals = Signals::create();
    (*signals)->watch();
    ASSERT_TRUE((*signals)->attach(*loop, [](int) { FAIL(); }));
    ::raise(SIGHUP);
    loop->start_timer(1'000'000, [&] { loop->stop(); });
    loop->run();
  }
  ::signal(SIGHUP, SIG_DFL);
}

} // namespace
} // namespace sporehost
