#include "core/host/object_host.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <deque>
#include <sporehost/plugin.hpp>
#include <thread>
#include <vector>

#include "tests/support/flat_memory.hpp"

namespace sporehost {
namespace {

void no_fd(void* /*argument*/, uint32_t /*events*/) {}
void no_timer(void* /*argument*/) {}

const void* find(const ObjectHost& host, std::string_view name) {
  return host.table()->query_interface(host.table()->context, spore::to_abi(name));
}
const spore_machine& machine_of(const ObjectHost& host) {
  return *static_cast<const spore_machine*>(find(host, SPORE_MACHINE_1));
}
spore_status watch(const ObjectHost& host, int fd, uint32_t events, spore_fd_callback callback = no_fd,
                   void* argument = nullptr) {
  return host.table()->watch_fd(host.table()->context, fd, events, callback, argument);
}
spore_status modify(const ObjectHost& host, int fd, uint32_t events) {
  return host.table()->modify_fd(host.table()->context, fd, events);
}
void unwatch(const ObjectHost& host, int fd) {
  host.table()->unwatch_fd(host.table()->context, fd);
}
spore_status start_timer(const ObjectHost& host, uint64_t delay_ns, spore_timer_callback callback = no_timer,
                         void* argument = nullptr, uint64_t* timer = nullptr) {
  return host.table()->start_timer(host.table()->context, delay_ns, callback, argument, timer);
}
void cancel(const ObjectHost& host, uint64_t timer) {
  host.table()->cancel_timer(host.table()->context, timer);
}

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

TEST(ObjectHost, KeepsTheOptionsAsTheyAre) {
  const std::string options = R"({"deep":{"n":-1},"name":"a b","size":4096})";
  const ObjectHost host("x", options);
  EXPECT_EQ(host.options(), options);
  EXPECT_EQ(host.name(), "x");
  EXPECT_EQ(host.table()->size, sizeof(spore_host));
}

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

// An object that is only asked something has no machine, and learns it by a status.
TEST(ObjectHost, BeforeThereIsAMachineThereIsNothingToWaitWith) {
  const ObjectHost host("x", "{}");
  const UniqueFd event(::eventfd(0, EFD_NONBLOCK));
  uint64_t timer = 77;
  EXPECT_EQ(start_timer(host, 1, no_timer, nullptr, &timer), SPORE_E_STATE);
  EXPECT_EQ(timer, 77u) << "no number of a timer that there is not";
  EXPECT_EQ(watch(host, event.get(), SPORE_FD_READABLE), SPORE_E_STATE);
  EXPECT_EQ(modify(host, event.get(), SPORE_FD_READABLE), SPORE_E_NOT_FOUND);
  unwatch(host, event.get());
  cancel(host, 1);
  uint8_t byte = 0;
  EXPECT_EQ(host.table()->read_memory(host.table()->context, 0, &byte, 1), SPORE_E_STATE);
  EXPECT_EQ(host.table()->write_memory(host.table()->context, 0, &byte, 1), SPORE_E_STATE);
  EXPECT_EQ(machine_of(host).stop(machine_of(host).context, SPORE_STOP_POWER_OFF, 0, SPORE_STRING("now")),
            SPORE_E_STATE);
}

class ConnectedHostTest : public ::testing::Test {
 protected:
  struct Stop {
    uint32_t how;
    uint32_t status;
    std::string reason;
    bool operator==(const Stop& other) const = default;
  };
  spore_status stop(uint32_t how, uint32_t status, std::string_view reason = "") {
    const spore_machine& machine = machine_of(host_);
    return machine.stop(machine.context, how, status, spore::to_abi(reason));
  }
  // Serves the loop for a moment in which whatever is due comes.
  void serve() {
    loop_->start_timer(3'000'000, [this] { loop_->stop(); });
    loop_->run();
  }

  ConnectedHostTest() { host_.connect(side_), host_.set_memory(side_.memory); }

  std::unique_ptr<EventLoop> loop_ = std::move(EventLoop::create()).value();
  testing::FlatMemory memory_{4096, 0x1000};
  std::vector<Stop> stops_;
  MachineSide side_{loop_.get(), &memory_, [this](uint32_t how, uint32_t status, std::string reason) {
                      stops_.push_back({how, status, std::move(reason)});
                    }};
  ObjectHost host_{"x", "{}"};
};

TEST_F(ConnectedHostTest, ReachesTheMemoryOfItsMachine) {
  memory_.put<uint32_t>(0x1ffc, 0x12345678);
  uint32_t word = 0;
  EXPECT_EQ(host_.table()->read_memory(host_.table()->context, 0x1ffc, &word, 4), SPORE_OK);
  EXPECT_EQ(word, 0x12345678u);
  EXPECT_EQ(host_.table()->read_memory(host_.table()->context, 0x1ffd, &word, 4), SPORE_E_RANGE);
  word = 9;
  EXPECT_EQ(host_.table()->write_memory(host_.table()->context, 0x1000, &word, 4), SPORE_OK);
  EXPECT_EQ(memory_.get<uint32_t>(0x1000), 9u);
  EXPECT_EQ(host_.table()->write_memory(host_.table()->context, 0xffd, &word, 4), SPORE_E_RANGE);
}

TEST_F(ConnectedHostTest, MemoryThatHasGoneIsNotReached) {
  uint32_t word = 0;
  host_.set_memory(nullptr);
  EXPECT_EQ(host_.table()->read_memory(host_.table()->context, 0x1000, &word, 4), SPORE_E_STATE);
  EXPECT_EQ(host_.table()->write_memory(host_.table()->context, 0x1000, &word, 4), SPORE_E_STATE);
}

TEST_F(ConnectedHostTest, RefusesWatchesThatCannotBe) {
  const UniqueFd event(::eventfd(1, EFD_NONBLOCK));
  EXPECT_EQ(watch(host_, -1, SPORE_FD_READABLE), SPORE_E_INVALID);
  EXPECT_EQ(watch(host_, 1'000'000, SPORE_FD_READABLE), SPORE_E_INVALID) << "no descriptor";
  EXPECT_EQ(watch(host_, event.get(), SPORE_FD_READABLE, nullptr), SPORE_E_INVALID);
  EXPECT_EQ(watch(host_, event.get(), 0), SPORE_E_INVALID);
  EXPECT_EQ(watch(host_, event.get(), SPORE_FD_HANGUP), SPORE_E_INVALID) << "it is always told";
  EXPECT_EQ(watch(host_, event.get(), SPORE_FD_READABLE | 8u), SPORE_E_INVALID);
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::tmpfile(), &std::fclose);
  EXPECT_EQ(watch(host_, ::fileno(file.get()), SPORE_FD_READABLE), SPORE_E_UNSUPPORTED) << "always ready";
  int came = 0;
  const auto count = [](void* argument, uint32_t) { ++*static_cast<int*>(argument); };
  ASSERT_EQ(watch(host_, event.get(), SPORE_FD_READABLE | SPORE_FD_WRITABLE, count, &came), SPORE_OK)
      << "nothing is left of what was refused";
  EXPECT_EQ(watch(host_, event.get(), SPORE_FD_READABLE), SPORE_E_EXISTS);
  serve();
  EXPECT_GT(came, 0) << "the first watch has not suffered";
}

TEST_F(ConnectedHostTest, ChangesOnlyWhatItWatches) {
  const UniqueFd event(::eventfd(1, EFD_NONBLOCK));
  EXPECT_EQ(modify(host_, event.get(), SPORE_FD_READABLE), SPORE_E_NOT_FOUND);
  int came = 0;
  ASSERT_EQ(watch(
                host_, event.get(), SPORE_FD_READABLE,
                [](void* argument, uint32_t events) {
                  EXPECT_EQ(events, SPORE_FD_READABLE);
                  ++*static_cast<int*>(argument);
                },
                &came),
            SPORE_OK);
  EXPECT_EQ(modify(host_, event.get(), SPORE_FD_HANGUP), SPORE_E_INVALID);
  EXPECT_EQ(modify(host_, event.get(), SPORE_FD_READABLE | 8u), SPORE_E_INVALID);
  EXPECT_EQ(modify(host_, event.get(), 0), SPORE_OK);
  serve();
  EXPECT_EQ(came, 0) << "it is to hear of a hang-up alone";
  EXPECT_EQ(modify(host_, event.get(), SPORE_FD_READABLE), SPORE_OK);
  serve();
  EXPECT_GT(came, 0);
  unwatch(host_, event.get());
  EXPECT_EQ(modify(host_, event.get(), SPORE_FD_READABLE), SPORE_E_NOT_FOUND);
  came = 0;
  serve();
  EXPECT_EQ(came, 0);
}

TEST_F(ConnectedHostTest, AnotherObjectsWatchesAndTimersAreNoneOfItsBusiness) {
  ObjectHost other("y", "{}");
  other.connect(side_);
  const UniqueFd event(::eventfd(1, EFD_NONBLOCK));
  int fds = 0;
  int timers = 0;
  uint64_t timer = 0;
  ASSERT_EQ(watch(
                host_, event.get(), SPORE_FD_READABLE, [](void* argument, uint32_t) { ++*static_cast<int*>(argument); },
                &fds),
            SPORE_OK);
  ASSERT_EQ(start_timer(
                host_, 1000, [](void* argument) { ++*static_cast<int*>(argument); }, &timers, &timer),
            SPORE_OK);
  EXPECT_EQ(watch(other, event.get(), SPORE_FD_READABLE), SPORE_E_EXISTS);
  EXPECT_EQ(modify(other, event.get(), 0), SPORE_E_NOT_FOUND);
  unwatch(other, event.get());
  cancel(other, timer);
  serve();
  EXPECT_GT(fds, 0);
  EXPECT_EQ(timers, 1);
}

TEST_F(ConnectedHostTest, ATimerNeedsACallbackAndNoPlaceForItsNumber) {
  uint64_t timer = 77;
  EXPECT_EQ(start_timer(host_, 1, nullptr, nullptr, &timer), SPORE_E_INVALID);
  EXPECT_EQ(timer, 77u);
  int came = 0;
  const auto count = [](void* argument) { ++*static_cast<int*>(argument); };
  EXPECT_EQ(start_timer(host_, 1000, count, &came), SPORE_OK);
  EXPECT_EQ(start_timer(host_, UINT64_MAX, count, &came), SPORE_OK) << "never";
  ASSERT_EQ(start_timer(host_, 1000, count, &came, &timer), SPORE_OK);
  cancel(host_, timer);
  serve();
  EXPECT_EQ(came, 1);
  cancel(host_, timer);
  cancel(host_, 999'999);
}

TEST_F(ConnectedHostTest, StopsItsMachineWithAReason) {
  EXPECT_EQ(stop(SPORE_STOP_POWER_OFF, 0, "the guest wrote\n\x1b[31m0x34"), SPORE_OK);
  EXPECT_EQ(stop(SPORE_STOP_RESET, 0, std::string(5000, 'y')), SPORE_OK);
  EXPECT_EQ(stop(SPORE_STOP_STATUS, 255), SPORE_OK);
  const std::vector<Stop> expected = {{SPORE_STOP_POWER_OFF, 0, "x: the guest wrote ?[31m0x34"},
                                      {SPORE_STOP_RESET, 0, "x: " + std::string(4096, 'y')},
                                      {SPORE_STOP_STATUS, 255, "x: "}};
  EXPECT_EQ(stops_, expected);
}

TEST_F(ConnectedHostTest, RefusesAStopThatIsNone) {
  EXPECT_EQ(stop(0, 0), SPORE_E_UNSUPPORTED);
  EXPECT_EQ(stop(SPORE_STOP_STATUS + 1, 0), SPORE_E_UNSUPPORTED);
  EXPECT_EQ(stop(SPORE_STOP_STATUS, 256), SPORE_E_INVALID);
  EXPECT_EQ(stop(SPORE_STOP_STATUS, UINT32_MAX), SPORE_E_INVALID);
  EXPECT_EQ(stops_, std::vector<Stop>{});
}

// Knows whether it is held, so that a callback can see it.
class SeenLock final : public DeviceLock {
 public:
  void lock() override { ++held; }
  void unlock() override { --held; }
  int held = 0;
};

TEST(ObjectHostInterfaces, TheLockIsADevicesAndTheRestIsAskedForByName) {
  SeenLock lock;
  const int service = 0;
  std::vector<std::string> asked;
  const ObjectHost device("x", "{}", &lock, [&](std::string_view name) -> const void* {
    asked.emplace_back(name);
    return name == "sporehost.some/1" ? &service : nullptr;
  });
  const auto* table = static_cast<const spore_device_lock*>(find(device, SPORE_DEVICE_LOCK_1));
  ASSERT_NE(table, nullptr);
  table->lock(table->context);
  table->lock(table->context);
  EXPECT_EQ(lock.held, 2);
  table->unlock(table->context);
  table->unlock(table->context);
  EXPECT_EQ(lock.held, 0);
  EXPECT_EQ(find(device, "sporehost.some/1"), &service);
  EXPECT_EQ(find(device, "sporehost.machine/2"), nullptr);
  EXPECT_EQ(asked, (std::vector<std::string>{"sporehost.some/1", "sporehost.machine/2"}));

  const ObjectHost policy("y", "{}");
  EXPECT_EQ(find(policy, SPORE_DEVICE_LOCK_1), nullptr);
  EXPECT_EQ(find(policy, "sporehost.some/1"), nullptr);
}

TEST(ObjectHost, CallbacksComeUnderTheDevicesLockAndEndWithTheObject) {
  auto loop = std::move(EventLoop::create()).value();
  SeenLock lock;
  const MachineSide side{loop.get(), nullptr, {}};
  auto host = std::make_unique<ObjectHost>("x", "{}", &lock);
  host->connect(side);
  struct Seen {
    SeenLock* lock;
    EventLoop* loop;
    int held = -1;
  } seen{&lock, loop.get()};
  const auto on_timer = [](void* argument) {
    auto& s = *static_cast<Seen*>(argument);
    s.held = s.lock->held;
    s.loop->stop();
  };
  const auto on_fd = [](void* argument, uint32_t) {
    auto& s = *static_cast<Seen*>(argument);
    s.held = s.lock->held;
    s.loop->stop();
  };
  ASSERT_EQ(start_timer(*host, 1000, on_timer, &seen), SPORE_OK);
  loop->run();
  EXPECT_EQ(seen.held, 1);

  seen.held = -1;
  const UniqueFd event(::eventfd(1, EFD_NONBLOCK));
  ASSERT_EQ(watch(*host, event.get(), SPORE_FD_READABLE, on_fd, &seen), SPORE_OK);
  loop->run();
  EXPECT_EQ(seen.held, 1);
  EXPECT_EQ(lock.held, 0);

  seen.held = -1;
  ASSERT_EQ(start_timer(*host, 1000, on_timer, &seen), SPORE_OK);
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
  // They stay until the end, so that one that is called too late can say so.
  std::array<std::deque<Target>, 3> targets;
  const auto fight = [&](std::deque<Target>& mine) {
    for (int i = 0; i < 300; ++i) {
      Target& target = mine.emplace_back();
      const UniqueFd event(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
      uint64_t timer = 0;
      // With the lock held from the start the loop soon waits for it, with the callback in its hands.
      std::unique_lock guard(lock, std::defer_lock);
      if (i % 2 == 0) guard.lock();
      ASSERT_EQ(table->start_timer(table->context, 0, &Target::fire, &target, &timer), SPORE_OK);
      ASSERT_EQ(table->watch_fd(table->context, event.get(), SPORE_FD_READABLE, &Target::ready, &target), SPORE_OK);
      if (i % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
      if (!guard.owns_lock()) guard.lock();
      table->cancel_timer(table->context, timer);
      table->unwatch_fd(table->context, event.get());
      target.wanted = false;
    }
  };
  std::vector<std::thread> fighters;
  std::atomic<int> left{3};
  for (int i = 0; i < 3; ++i) {
    fighters.emplace_back([&, i] {
      fight(targets[static_cast<size_t>(i)]);
      if (--left == 0) loop->stop();
    });
  }
  loop->run();
  for (std::thread& fighter : fighters) fighter.join();
  for (const auto& mine : targets)
    for (const Target& target : mine) EXPECT_EQ(target.late, 0);
}

} // namespace
} // namespace sporehost
