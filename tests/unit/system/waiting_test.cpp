// Pipes, notifiers and waiters, and threads that change what another one waits for.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sporehost/host.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit/system/means.hpp"

namespace sporehost {
namespace {

using ::testing::ElementsAre;

class Waiting : public WithBothMeans {
 protected:
  // Who is ready, in the order of the descriptors.
  std::vector<std::pair<int, uint32_t>> wait(int timeout_ms = 0) {
    std::array<Waiter::Ready, 8> ready{};
    const int count = waiter_->wait(ready, timeout_ms);
    EXPECT_GE(count, 0);
    std::vector<std::pair<int, uint32_t>> all;
    for (int i = 0; i < count; ++i)
      all.emplace_back(ready[static_cast<size_t>(i)].fd, ready[static_cast<size_t>(i)].events);
    std::sort(all.begin(), all.end());
    return all;
  }
  // A change wakes the portable one, which then has nothing to tell.
  void settle() { (void)wait(); }

  std::unique_ptr<Waiter> waiter_ = GetParam().waiter();
};
WITH_BOTH_MEANS(Waiting);

TEST_P(Waiting, APipeIsNotInheritedAndBlocksAsAsked) {
  for (const PipeMode mode : {PipeMode::blocking, PipeMode::non_blocking}) {
    const Pipe pipe = *GetParam().pipe(mode);
    for (const int fd : {pipe.read.get(), pipe.write.get()}) {
      EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
      EXPECT_EQ((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, mode == PipeMode::non_blocking);
    }
    ASSERT_EQ(::write(pipe.write.get(), "x", 1), 1);
    char got = 0;
    EXPECT_EQ(::read(pipe.read.get(), &got, 1), 1);
    EXPECT_EQ(got, 'x');
  }
}

TEST_P(Waiting, ANotifierIsReadableUntilItIsCleared) {
  const Notifier notifier = *GetParam().notifier();
  ASSERT_TRUE(waiter_->add(notifier.fd(), SPORE_FD_READABLE));
  EXPECT_THAT(wait(), ElementsAre());
  for (int i = 0; i < 3; ++i) notifier.notify();
  for (int i = 0; i < 2; ++i) EXPECT_THAT(wait(), ElementsAre(std::pair(notifier.fd(), SPORE_FD_READABLE)));
  notifier.clear();
  EXPECT_THAT(wait(), ElementsAre()) << "many calls are one";
  for (int i = 0; i < 100'000; ++i) notifier.notify(); // a full pipe does not hold anybody up
  notifier.clear();
  EXPECT_THAT(wait(), ElementsAre());
}

TEST_P(Waiting, WhatADoorbellHandsOutNotifies) {
  const Notifier notifier = *GetParam().notifier();
  ASSERT_TRUE(waiter_->add(notifier.fd(), SPORE_FD_READABLE));
  const uint64_t one = 1;
  ASSERT_EQ(::write(notifier.write_fd(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  EXPECT_THAT(wait(1000), ElementsAre(std::pair(notifier.fd(), SPORE_FD_READABLE)));
}

TEST_P(Waiting, ItTellsWhatWasAskedForAndAHangUpAlways) {
  Pipe pipe = *GetParam().pipe(PipeMode::non_blocking);
  const int read = pipe.read.get(), write = pipe.write.get();
  ASSERT_TRUE(waiter_->add(read, SPORE_FD_READABLE));
  ASSERT_TRUE(waiter_->add(write, SPORE_FD_WRITABLE));
  settle();
  EXPECT_THAT(wait(), ElementsAre(std::pair(write, SPORE_FD_WRITABLE)));
  ASSERT_TRUE(waiter_->modify(write, 0));
  settle();
  EXPECT_THAT(wait(), ElementsAre());
  waiter_->remove(write);
  pipe.write.reset();
  settle();
  EXPECT_THAT(wait(), ElementsAre(std::pair(read, SPORE_FD_HANGUP)));
  ASSERT_TRUE(waiter_->modify(read, 0));
  settle();
  EXPECT_THAT(wait(), ElementsAre(std::pair(read, SPORE_FD_HANGUP)));
}

TEST_P(Waiting, WhatCannotBeWatchedIsRefused) {
  const Notifier notifier = *GetParam().notifier();
  const UniqueFd file = GetParam().anonymous_file("regular");
  EXPECT_EQ(waiter_->add(-1, SPORE_FD_READABLE).error().status, SPORE_E_INVALID);
  EXPECT_EQ(waiter_->add(file.get(), SPORE_FD_READABLE).error().status, SPORE_E_UNSUPPORTED);
  EXPECT_EQ(waiter_->modify(notifier.fd(), SPORE_FD_READABLE).error().status, SPORE_E_IO);
  ASSERT_TRUE(waiter_->add(notifier.fd(), SPORE_FD_READABLE));
  EXPECT_EQ(waiter_->add(notifier.fd(), SPORE_FD_READABLE).error().status, SPORE_E_IO);
}

TEST_P(Waiting, OneThatWasClosedIsForgotten) {
  Pipe pipe = *GetParam().pipe(PipeMode::non_blocking);
  ASSERT_TRUE(waiter_->add(pipe.read.get(), SPORE_FD_READABLE));
  pipe.read.reset();
  for (int i = 0; i < 3; ++i) EXPECT_THAT(wait(), ElementsAre());
}

TEST_P(Waiting, MoreThanFitHaveTheirTurns) {
  std::vector<Notifier> notifiers;
  for (int i = 0; i < 20; ++i) {
    notifiers.push_back(*GetParam().notifier());
    notifiers.back().notify();
    ASSERT_TRUE(waiter_->add(notifiers.back().fd(), SPORE_FD_READABLE));
  }
  std::set<int> seen;
  for (int i = 0; i < 10; ++i)
    for (const auto& [fd, events] : wait()) seen.insert(fd);
  EXPECT_EQ(seen.size(), notifiers.size());
}

TEST_P(Waiting, AChangeByAnotherThreadTakesEffectAtOnce) {
  const Notifier notifier = *GetParam().notifier();
  notifier.notify();
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_TRUE(waiter_->add(notifier.fd(), SPORE_FD_READABLE));
  });
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::pair<int, uint32_t>> ready;
  while (ready.empty() && std::chrono::steady_clock::now() - begin < std::chrono::seconds(10)) ready = wait(10'000);
  other.join();
  EXPECT_THAT(ready, ElementsAre(std::pair(notifier.fd(), SPORE_FD_READABLE)));
}

// Four threads ring, two add and remove; the one that waits misses no ring. Under TSan nobody races.
TEST_P(Waiting, ThreadsThatRingAndChangeWhatIsWatched) {
  constexpr int kRings = 500;
  std::array<Notifier, 4> bells{*GetParam().notifier(), *GetParam().notifier(), *GetParam().notifier(),
                                *GetParam().notifier()};
  std::array<std::atomic<int>, 4> rung{}, heard{};
  for (const Notifier& bell : bells) ASSERT_TRUE(waiter_->add(bell.fd(), SPORE_FD_READABLE));
  std::vector<std::thread> threads;
  std::atomic<bool> done{false};
  for (size_t i = 0; i < bells.size(); ++i)
    threads.emplace_back([&, i] {
      for (int n = 0; n < kRings; ++n) {
        rung[i].fetch_add(1);
        bells[i].notify();
      }
    });
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      while (!done) {
        const Notifier passing = *GetParam().notifier();
        passing.notify();
        EXPECT_TRUE(waiter_->add(passing.fd(), SPORE_FD_READABLE));
        EXPECT_TRUE(waiter_->modify(passing.fd(), SPORE_FD_WRITABLE));
        waiter_->remove(passing.fd());
      }
    });
  const auto all_heard = [&] {
    return std::all_of(heard.begin(), heard.end(), [](const auto& count) { return count == kRings; });
  };
  const auto last = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!all_heard() && std::chrono::steady_clock::now() < last)
    for (const auto& [fd, events] : wait(1000))
      for (size_t i = 0; i < bells.size(); ++i)
        if (bells[i].fd() == fd) {
          bells[i].clear();
          heard[i] = rung[i].load();
        }
  EXPECT_TRUE(all_heard());
  done = true;
  for (std::thread& thread : threads) thread.join();
}

} // namespace
} // namespace sporehost
