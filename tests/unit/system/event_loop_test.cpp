#include <gtest/gtest.h>
#include <sporehost/host.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <string_view>
#include <thread>
#include <utility>

#include "tests/unit/system/means.hpp"

namespace sporehost {
namespace {

class EventLoopTest : public WithBothMeans {
 protected:
  static std::unique_ptr<EventLoop> make_loop() { return GetParam().loop(); }
};
WITH_BOTH_MEANS(EventLoopTest);

TEST_P(EventLoopTest, TimersFireInOrderOfTheirTimes) {
  auto loop = make_loop();
  std::string order;
  loop->start_timer(2'000'000, [&] { order += 'b'; });
  loop->start_timer(1'000'000, [&] { order += 'a'; });
  loop->start_timer(3'000'000, [&] { loop->stop(); });
  loop->run();
  EXPECT_EQ(order, "ab");
}

TEST_P(EventLoopTest, ACancelledTimerDoesNotFire) {
  auto loop = make_loop();
  bool fired = false;
  const uint64_t timer = loop->start_timer(500'000, [&] { fired = true; });
  loop->cancel_timer(timer);
  loop->cancel_timer(timer);
  loop->start_timer(2'000'000, [&] { loop->stop(); });
  loop->run();
  EXPECT_FALSE(fired);
}

TEST_P(EventLoopTest, ADelayThatNeverEndsDoesNotEndAtOnce) {
  auto loop = make_loop();
  bool fired = false;
  loop->start_timer(UINT64_MAX, [&] { fired = true; });
  loop->start_timer(UINT64_MAX - 1000, [&] { fired = true; });
  loop->start_timer(2'000'000, [&] { loop->stop(); });
  loop->run();
  EXPECT_FALSE(fired);
}

uint64_t cpu_ns() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(used.tv_nsec);
}

// The descriptors under the loop are taken away: timers go on, and the processor is left in peace.
TEST_P(EventLoopTest, WithoutItsDescriptorItNeitherSpinsNorStands) {
  auto loop = make_loop();
  const int next = ::dup(0);
  ASSERT_GT(next, 2);
  for (int fd = 3; fd < next; ++fd) {
    char link[64] = {};
    (void)!::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), link, sizeof link - 1);
    if (std::string_view(link) == "anon_inode:[eventpoll]") ::dup2(next, fd);
  }
  bool fired = false;
  loop->start_timer(1'000'000, [&] { fired = true; });
  loop->start_timer(200'000'000, [&] { loop->stop(); });
  const uint64_t before = cpu_ns();
  loop->run();
  EXPECT_TRUE(fired);
  EXPECT_LT(cpu_ns() - before, 50'000'000u);
  ::close(next);
}

TEST_P(EventLoopTest, PostFromAnotherThreadWakesTheLoop) {
  auto loop = make_loop();
  std::thread other([&] { loop->post([&] { loop->stop(); }); });
  loop->run();
  other.join();
}

// Nobody wakes the loop for what its own thread asks for, and nothing else is going on here.
TEST_P(EventLoopTest, WhatHandlersAskForIsServed) {
  auto loop = make_loop();
  for (int round = 0; round < 2; ++round) {
    std::string order;
    loop->post([&] {
      order += 'a';
      loop->post([&] {
        order += 'b';
        loop->start_timer(0, [&] {
          order += 'c';
          loop->start_timer(1'000'000, [&] {
            order += 'd';
            loop->post([&] { loop->stop(); });
          });
        });
      });
    });
    loop->run();
    EXPECT_EQ(order, "abcd");
  }
  std::thread other([&] { loop->post([&] { loop->stop(); }); });
  loop->run();
  other.join();
}

TEST_P(EventLoopTest, ATimerThatStartsItselfAgainKeepsNobodyFromHisTurn) {
  auto loop = make_loop();
  const Notifier event = *GetParam().notifier();
  event.notify();
  int rounds = 0;
  bool posted = false;
  std::function<void()> again = [&] {
    if (++rounds == 100'000) loop->stop(); // only where nobody else gets to it
    loop->start_timer(0, again);
  };
  again();
  loop->post([&] { posted = true; });
  ASSERT_TRUE(loop->watch(event.fd(), SPORE_FD_READABLE, [&](uint32_t) {
    if (posted) loop->stop();
  }));
  loop->run();
  EXPECT_LT(rounds, 100'000);
}

TEST_P(EventLoopTest, AHandlerMayUnwatchItself) {
  auto loop = make_loop();
  const Notifier event = *GetParam().notifier();
  event.notify();
  int calls = 0;
  ASSERT_TRUE(loop->watch(event.fd(), SPORE_FD_READABLE,
                          [&](uint32_t events) {
                            EXPECT_EQ(events, SPORE_FD_READABLE);
                            ++calls;
                            loop->unwatch(event.fd());
                            loop->post([&] { loop->stop(); });
                          })
                  .ok());
  loop->run();
  EXPECT_EQ(calls, 1);
}

// Two descriptors are ready at one look; the first to be served closes the other one, whose number is taken at once.
TEST_P(EventLoopTest, AnOldEventDoesNotReachANewWatchOfTheSameNumber) {
  auto loop = make_loop();
  std::array<std::array<int, 2>, 2> pipes{};
  for (auto& ends : pipes) ASSERT_EQ(::pipe(ends.data()), 0);
  int reused = -1, silent = -1, wrong = 0;
  bool first = true;
  const auto serve = [&](size_t other) {
    if (!std::exchange(first, false)) return;
    reused = pipes[other][0];
    loop->unwatch(reused);
    ::close(reused);
    std::array<int, 2> quiet{};
    ASSERT_EQ(::pipe(quiet.data()), 0);
    ASSERT_EQ(quiet[0], reused) << "the lowest free number";
    silent = quiet[1];
    ASSERT_TRUE(loop->watch(reused, SPORE_FD_READABLE, [&](uint32_t) { ++wrong; }).ok());
    loop->unwatch(pipes[1 - other][0]);
  };
  for (size_t i = 0; i < 2; ++i) {
    ASSERT_EQ(::write(pipes[i][1], "x", 1), 1);
    ASSERT_TRUE(loop->watch(pipes[i][0], SPORE_FD_READABLE, [&, i](uint32_t) { serve(1 - i); }).ok());
  }
  loop->start_timer(20'000'000, [&] { loop->stop(); });
  loop->run();
  EXPECT_EQ(wrong, 0) << "nobody has written to it";
  for (const auto& ends : pipes)
    for (const int fd : ends) ::close(fd);
  ::close(silent);
}

TEST_P(EventLoopTest, OneWatchADescriptorAndRegularFilesAreRefused) {
  auto loop = make_loop();
  const auto nothing = [](uint32_t) {};
  const Notifier event = *GetParam().notifier();
  ASSERT_TRUE(loop->watch(event.fd(), SPORE_FD_READABLE, nothing).ok());
  EXPECT_EQ(loop->watch(event.fd(), SPORE_FD_READABLE, nothing).error().status, SPORE_E_EXISTS);
  EXPECT_EQ(loop->watch(-1, SPORE_FD_READABLE, nothing).error().status, SPORE_E_INVALID);
  const UniqueFd file = GetParam().anonymous_file("regular");
  EXPECT_EQ(loop->watch(file.get(), SPORE_FD_READABLE, nothing).error().status, SPORE_E_UNSUPPORTED);
  EXPECT_EQ(loop->modify(file.get(), SPORE_FD_READABLE).error().status, SPORE_E_NOT_FOUND);
}

} // namespace
} // namespace sporehost
