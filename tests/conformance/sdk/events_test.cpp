// Timers and watches of the C++ wrapper, against the fake host: what is pending ends with the object.
#include <gtest/gtest.h>
#include <unistd.h>

#include <sporehost/events.hpp>
#include <sporehost/testing/fake_host.hpp>
#include <stdexcept>

namespace spore::testing {
namespace {

class Events : public ::testing::Test {
 protected:
  FakeHost fake_;
  Host host_{fake_.table()};
};

TEST_F(Events, ATimerFiresOnceAndCanBeStartedAnewFromItsCallback) {
  int fired = 0;
  Timer timer(host_, [&] {
    if (++fired < 3) {
      ASSERT_TRUE(timer.start(10).ok());
    }
  });
  ASSERT_TRUE(timer.start(100).ok());
  EXPECT_TRUE(timer.pending());
  ASSERT_TRUE(timer.start(50).ok()); // takes the place of the first
  EXPECT_EQ(fake_.timers(), 1u);
  fake_.advance(50);
  EXPECT_EQ(fired, 1);
  fake_.advance(1000);
  EXPECT_EQ(fired, 3);
  EXPECT_FALSE(timer.pending());
}

TEST_F(Events, ATimerEndsWithItsObject) {
  int fired = 0;
  {
    Timer timer(host_, [&] { ++fired; });
    ASSERT_TRUE(timer.start(10).ok());
  }
  EXPECT_EQ(fake_.timers(), 0u);
  fake_.advance(100);
  EXPECT_EQ(fired, 0);
}

TEST_F(Events, AnExceptionEndsInTheLog) {
  Timer timer(host_, [] { throw std::runtime_error("boom"); });
  ASSERT_TRUE(timer.start(1).ok());
  fake_.advance(1);
  EXPECT_TRUE(fake_.logged("a timer's callback: exception: boom"));
}

TEST_F(Events, AWatchServesItsDescriptorUntilItIsStopped) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::string got;
  FdWatch watch(host_, [&](uint32_t events) {
    EXPECT_EQ(events & SPORE_FD_READABLE, SPORE_FD_READABLE);
    char byte = 0;
    ASSERT_EQ(::read(ends[0], &byte, 1), 1);
    got += byte;
  });
  ASSERT_TRUE(watch.start(ends[0], SPORE_FD_READABLE).ok());
  ASSERT_EQ(::write(ends[1], "ab", 2), 2);
  EXPECT_EQ(fake_.poll_once(), 1u);
  EXPECT_EQ(got, "a");
  watch.stop();
  EXPECT_EQ(fake_.poll_once(), 0u);
  EXPECT_EQ(got, "a");
  EXPECT_EQ(fake_.watches(), 0u);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(Events, AWatchCanBeChanged) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  int called = 0;
  FdWatch watch(host_, [&](uint32_t) { ++called; });
  EXPECT_FALSE(watch.change(SPORE_FD_READABLE).ok()) << "nothing is watched";
  ASSERT_TRUE(watch.start(ends[0], SPORE_FD_READABLE).ok());
  ASSERT_EQ(::write(ends[1], "a", 1), 1);
  ASSERT_TRUE(watch.change(0).ok());
  EXPECT_EQ(fake_.poll_once(), 0u);
  ASSERT_TRUE(watch.change(SPORE_FD_READABLE).ok());
  EXPECT_EQ(fake_.poll_once(), 1u);
  EXPECT_EQ(called, 1);
  watch.stop();
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(Events, WhatTheHostRefusesIsAnError) {
  Timer timer(host_, [] {});
  FdWatch watch(host_, [](uint32_t) {});
  EXPECT_EQ(watch.start(-1, SPORE_FD_READABLE).error().status, SPORE_E_INVALID);
  fake_.set_machine(false);
  EXPECT_EQ(timer.start(1).error().status, SPORE_E_STATE);
  EXPECT_FALSE(timer.pending());
}

} // namespace
} // namespace spore::testing
