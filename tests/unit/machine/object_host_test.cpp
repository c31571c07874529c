#include "core/host/object_host.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include <atomic>
#include <sporehost/plugin.hpp>
#include <thread>

namespace sporehost {
namespace {

// A line of a device, as the program's log gets it.
class Lines final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::vector<std::string> seen;

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    seen.emplace_back(message.payload.data(), message.payload.size());
  }
  void flush_() override {}
};

TEST(ObjectHost, AGuestCannotFloodTheLogThroughADevice) {
  const auto before = spdlog::default_logger();
  const auto lines = std::make_shared<Lines>();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", lines));
  ObjectHost host("x", "{}");
  const spore::Host view(host.table());
  for (int i = 0; i < 1000; ++i) view.warn("the driver is odd");
  view.error("the device stops");
  for (int i = 0; i < 1000; ++i) view.debug("nobody asked for this");
  spdlog::set_default_logger(before);
  ASSERT_EQ(lines->seen.size(), 6U) << "five in ten seconds, and those of another level are not hidden by them";
  EXPECT_EQ(lines->seen[0], "x: the driver is odd");
  EXPECT_EQ(lines->seen[5], "x: the device stops");
  EXPECT_EQ(host.counters().at("log.left-out"), 995U) << "lines below the log's level are not missed";
}

TEST(ObjectHost, CountersKeepTheirPlace) {
  ObjectHost host("x", "{}");
  const spore::Host view(host.table());
  view.counter("requests") += 2;
  ++view.counter("requests");
  EXPECT_EQ(host.counters().at("requests"), 3u);
}

TEST(ObjectHost, WithoutAMachineThereIsNothingToReach) {
  ObjectHost host("x", "{}");
  uint64_t timer = 0;
  EXPECT_EQ(host.table()->start_timer(
                host.table()->context, 1, [](void*) {}, nullptr, &timer),
            SPORE_E_STATE);
  EXPECT_EQ(host.table()->watch_fd(
                host.table()->context, 0, SPORE_FD_READABLE, [](void*, uint32_t) {}, nullptr),
            SPORE_E_STATE);
  uint8_t byte = 0;
  EXPECT_EQ(host.table()->read_memory(host.table()->context, 0, &byte, 1), SPORE_E_STATE);
}

// Knows whether it is held, so that a callback can see it.
class SeenLock final : public DeviceLock {
 public:
  void lock() override { ++held; }
  void unlock() override { --held; }
  int held = 0;
};

TEST(ObjectHost, CallbacksComeUnderTheDevicesLockAndEndWithTheObject) {
  auto loop = std::move(EventLoop::create()).value();
  SeenLock lock;
  const MachineSide machine{loop.get(), nullptr, {}};
  auto host = std::make_unique<ObjectHost>("x", "{}", &lock);
  host->connect(machine);
  struct Seen {
    SeenLock* lock;
    EventLoop* loop;
    int held = -1;
  } seen{&lock, loop.get()};
  uint64_t timer = 0;
  const auto on_timer = [](void* argument) {
    auto& s = *static_cast<Seen*>(argument);
    s.held = s.lock->held;
    s.loop->stop();
  };
  ASSERT_EQ(host->table()->start_timer(host->table()->context, 1000, on_timer, &seen, &timer), SPORE_OK);
  loop->run();
  EXPECT_EQ(seen.held, 1);

  seen.held = -1;
  const UniqueFd event(::eventfd(1, EFD_NONBLOCK));
  ASSERT_EQ(host->table()->start_timer(host->table()->context, 1000, on_timer, &seen, &timer), SPORE_OK);
  ASSERT_EQ(host->table()->watch_fd(
                host->table()->context, event.get(), SPORE_FD_READABLE,
                [](void* argument, uint32_t) { static_cast<Seen*>(argument)->held = 99; }, &seen),
            SPORE_OK);
  host.reset();
  loop->start_timer(3'000'000, [&] { loop->stop(); });
  loop->run();
  EXPECT_EQ(seen.held, -1);
}

// SDK-28: threads that start, cancel and watch fight with the loop that calls back. Whoever has cancelled with the lock
// held is not called any more.
TEST(ObjectHost, WhatIsCancelledUnderTheLockIsOver) {
  auto loop = std::move(EventLoop::create()).value();
  PlainDeviceLock lock;
  const MachineSide machine{loop.get(), nullptr, {}};
  ObjectHost host("x", "{}", &lock);
  host.connect(machine);
  const spore_host* table = host.table();
  struct Target {
    bool wanted = true; // written and read under the lock
    int late = 0;
    static void fire(void* self) { static_cast<Target*>(self)->late += static_cast<Target*>(self)->wanted ? 0 : 1; }
    static void ready(void* self, uint32_t) { fire(self); }
  };
  const auto fight = [&] {
    for (int i = 0; i < 500; ++i) {
      Target target;
      const UniqueFd event(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
      uint64_t timer = 0;
      ASSERT_EQ(table->start_timer(table->context, 0, &Target::fire, &target, &timer), SPORE_OK);
      ASSERT_EQ(table->watch_fd(table->context, event.get(), SPORE_FD_READABLE, &Target::ready, &target), SPORE_OK);
      if (i % 3 == 0) std::this_thread::yield();
      const std::lock_guard guard(lock);
      table->cancel_timer(table->context, timer);
      table->unwatch_fd(table->context, event.get());
      target.wanted = false;
      EXPECT_EQ(target.late, 0);
    } // the target goes while the loop may still have it in its hands
  };
  std::vector<std::thread> fighters;
  std::atomic<int> left{3};
  for (int i = 0; i < 3; ++i) {
    fighters.emplace_back([&] {
      fight();
      if (--left == 0) loop->stop();
    });
  }
  loop->run();
  for (std::thread& fighter : fighters) fighter.join();
}

} // namespace
} // namespace sporehost
