#include "core/host/object_host.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include <sporehost/plugin.hpp>

namespace sporehost {
namespace {

TEST(ObjectHost, GivesOptionsByPointerWithTheirTypes) {
  ObjectHost host("x", R"({"size": 4096, "name": "a b", "on": true, "list": [1], "none": null, "deep": {"n": -1}})",
                  {});
  const spore::Host view(host.table());
  EXPECT_EQ(view.option_integer("/size"), 4096);
  EXPECT_EQ(view.option_string("/name"), "a b");
  EXPECT_EQ(view.option_boolean("/on"), true);
  EXPECT_EQ(view.option_integer("/deep/n"), -1);
  EXPECT_EQ(view.option_integer("/name"), std::nullopt);
  spore_value value{};
  EXPECT_EQ(host.table()->option(host.table()->context, "/list", &value), SPORE_E_INVALID);
  EXPECT_EQ(host.table()->option(host.table()->context, "/none", &value), SPORE_E_NOT_FOUND);
  EXPECT_EQ(host.table()->option(host.table()->context, "/absent", &value), SPORE_E_NOT_FOUND);
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

TEST(ObjectHost, AGuestCannotFloodTheLogThroughADevice) {
  const auto before = spdlog::default_logger();
  const auto lines = std::make_shared<Lines>();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", lines));
  ObjectHost host("x", "{}", {});
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
  ObjectHost host("x", "{}", {});
  const spore::Host view(host.table());
  view.counter("requests") += 2;
  ++view.counter("requests");
  EXPECT_EQ(host.counters().at("requests"), 3u);
}

TEST(ObjectHost, WithoutALoopThereIsNothingToWaitWith) {
  ObjectHost host("x", "{}", {});
  uint64_t timer = 0;
  EXPECT_EQ(host.table()->start_timer(
                host.table()->context, 1, [](void*) {}, nullptr, &timer),
            SPORE_E_UNSUPPORTED);
  EXPECT_EQ(host.table()->watch_fd(
                host.table()->context, 0, SPORE_FD_READABLE, [](void*, uint32_t) {}, nullptr),
            SPORE_E_UNSUPPORTED);
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
  auto host = std::make_unique<ObjectHost>("x", "{}", ObjectHost::Surroundings{loop.get(), nullptr, &lock, {}});
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

} // namespace
} // namespace sporehost
