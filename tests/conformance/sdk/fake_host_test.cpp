// The fake host itself: what plugin authors' tests stand on.
#include <sporehost/plugin.hpp>
#include <sporehost/testing/fake_host.hpp>
#include <sporehost/testing/fake_interrupts.hpp>
#include <sporehost/testing/plugin_loader.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

namespace spore::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(FakeHost, OptionsByPointer) {
  FakeHost fake;
  fake.set_option("/size", int64_t{42});
  fake.set_option("/on", true);
  fake.set_option("/name", "console");
  const Host host(fake.table());
  EXPECT_EQ(host.option_integer("/size"), 42);
  EXPECT_EQ(host.option_boolean("/on"), true);
  EXPECT_EQ(host.option_string("/name"), "console");
  EXPECT_EQ(host.option_integer("/absent"), std::nullopt);
  EXPECT_EQ(host.option_integer("/name"), std::nullopt) << "of another type";
  fake.set_options_json(R"({"size":42})");
  EXPECT_EQ(from_abi(fake.options_json()), R"({"size":42})");
}

TEST(FakeHost, LogAndCounters) {
  FakeHost fake;
  const Host host(fake.table());
  host.warn("odd");
  host.info("fine");
  host.counter("requests") += 3;
  ++host.counter("requests");
  EXPECT_TRUE(fake.logged("odd"));
  EXPECT_FALSE(fake.logged("even"));
  EXPECT_EQ(fake.log_count(SPORE_LOG_WARN), 1u);
  EXPECT_EQ(fake.counter("requests"), 4u);
  EXPECT_EQ(fake.counter("others"), 0u);
}

TEST(FakeHost, MemoryIsAllOrNothingAcrossRegions) {
  FakeHost fake;
  const spore_host* host = fake.table();
  fake.memory().add_region(0, 8192);
  fake.memory().add_region(8192, 4096);
  fake.memory().add_region(uint64_t{1} << 40, 4096);
  const std::string text = "across";
  EXPECT_EQ(host->write_memory(host->context, 8189, text.data(), text.size()), SPORE_OK);
  std::string read(text.size(), '\0');
  EXPECT_EQ(host->read_memory(host->context, 8189, read.data(), read.size()), SPORE_OK);
  EXPECT_EQ(read, text);
  EXPECT_EQ(host->write_memory(host->context, 12288 - 3, text.data(), text.size()), SPORE_E_RANGE);
  uint8_t byte = 1;
  EXPECT_EQ(host->read_memory(host->context, 12287, &byte, 1), SPORE_OK);
  EXPECT_EQ(byte, 0) << "nothing of the refused write";
  EXPECT_EQ(host->read_memory(host->context, UINT64_MAX, &byte, 1), SPORE_E_RANGE);
  EXPECT_EQ(host->read_memory(host->context, 1 << 20, &byte, 1), SPORE_E_RANGE);
}

struct Calls {
  FakeHost* host = nullptr;
  std::vector<uint64_t> times;
  uint32_t events = 0;
  bool locked = false;
};

void on_timer(void* argument) {
  auto& calls = *static_cast<Calls*>(argument);
  calls.times.push_back(calls.host->now_ns());
  calls.locked = calls.host->device_lock().held();
}

TEST(FakeHost, TimersFireInOrderAtTheirTimesUnderTheLock) {
  FakeHost fake;
  const spore_host* host = fake.table();
  Calls calls{.host = &fake, .times = {}};
  const uint64_t start = fake.now_ns();
  uint64_t late = 0;
  uint64_t cancelled = 0;
  host->start_timer(host->context, 300, &on_timer, &calls, &late);
  host->start_timer(host->context, 100, &on_timer, &calls, nullptr);
  host->start_timer(host->context, 200, &on_timer, &calls, &cancelled);
  host->cancel_timer(host->context, cancelled);
  fake.advance(299);
  EXPECT_THAT(calls.times, ElementsAre(start + 100));
  EXPECT_TRUE(calls.locked);
  fake.advance(1);
  EXPECT_THAT(calls.times, ElementsAre(start + 100, start + 300));
  host->cancel_timer(host->context, late);
  EXPECT_EQ(fake.timers(), 0u);
}

TEST(FakeHost, DescriptorsAreServedByThePollStep) {
  FakeHost fake;
  const spore_host* host = fake.table();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Calls calls{.host = &fake, .times = {}};
  const auto callback = [](void* argument, uint32_t events) { static_cast<Calls*>(argument)->events |= events; };
  ASSERT_EQ(host->watch_fd(host->context, ends[0], SPORE_FD_READABLE, callback, &calls), SPORE_OK);
  EXPECT_EQ(host->watch_fd(host->context, ends[0], SPORE_FD_READABLE, callback, &calls), SPORE_E_EXISTS);
  EXPECT_EQ(fake.poll_once(), 0u);
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  EXPECT_EQ(fake.poll_once(), 1u);
  EXPECT_EQ(calls.events, SPORE_FD_READABLE);
  ::close(ends[1]);
  EXPECT_EQ(fake.poll_once(), 1u);
  EXPECT_NE(calls.events & SPORE_FD_HANGUP, 0u);
  host->unwatch_fd(host->context, ends[0]);
  EXPECT_EQ(fake.poll_once(), 0u);
  ::close(ends[0]);
}

TEST(FakeHost, CallsFromTheWrongThreadAreNoticed) {
  FakeHost fake;
  const spore_host* host = fake.table();
  std::thread([&] { host->start_timer(host->context, 1, &on_timer, nullptr, nullptr); }).join();
  EXPECT_THAT(fake.checks().take(), ElementsAre(HasSubstr("start_timer")));
  std::thread([&] {
    const std::scoped_lock guard(fake.device_lock());
    host->cancel_timer(host->context, 1);
  }).join();
  EXPECT_THAT(fake.checks().take(), IsEmpty()) << "with the lock it is a [device] call";
}

TEST(FakeHostDeathTest, ABrokenRuleThatNobodyTookEndsTheTest) {
  EXPECT_DEATH(
      {
        FakeHost fake;
        fake.on_device("plug");
      },
      "plug is \\[device\\]");
}

TEST(FakeHost, Interrupts) {
  FakeHost fake;
  const FakeInterrupts interrupts(fake);
  const auto* table = Host(fake.table()).find<spore_interrupts>(SPORE_INTERRUPTS_1);
  ASSERT_NE(table, nullptr);
  table->pulse(table->context, 0);
  table->pulse(table->context, 0);
  EXPECT_EQ(interrupts.pulses(), 2u);
  table->pulse(table->context, SPORE_IO_IRQS_MAX);
  EXPECT_THAT(fake.checks().take(), ElementsAre(HasSubstr("no such interrupt")));
  EXPECT_EQ(Host(fake.table()).find<void>("sporehost.nothing/1"), nullptr);
}

TEST(PluginLoader, SaysWhatIsWrong) {
  const auto missing = load_plugin("/nonexistent/plugin.so");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().text, HasSubstr("/nonexistent/plugin.so"));
  const auto library = load_plugin("libm.so.6");
  ASSERT_FALSE(library.ok());
  EXPECT_THAT(library.error().text, HasSubstr("exports no sporehost_plugin_entry"));
}

} // namespace
} // namespace spore::testing
