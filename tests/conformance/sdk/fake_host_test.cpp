// The fake host itself: what plugin authors' tests stand on.
#include <sporehost/plugin.hpp>
#include <sporehost/testing/fake_host.hpp>
#include <sporehost/testing/fake_interrupts.hpp>
#include <sporehost/testing/plugin_loader.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

namespace spore::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kAnyOptions = R"({"type":"object","additionalProperties":true})";

TEST(FakeHost, OptionsByPointer) {
  FakeHost fake;
  EXPECT_EQ(fake.options_json(kAnyOptions).value(), "{}");
  fake.set_option("/size", 42);
  fake.set_option("/on", true);
  fake.set_option("/name", "con\"sole");
  fake.set_option("/share", 0.5);
  fake.set_option("/outer/in~1ner", "deep");
  EXPECT_EQ(fake.options_json(kAnyOptions).value(),
            R"({"name":"con\"sole","on":true,"outer":{"in/ner":"deep"},"share":0.5,"size":42})");
  const std::string json = fake.options_json(kAnyOptions).value();
  const Options options(json);
  EXPECT_EQ(options.integer("/size"), 42);
  EXPECT_EQ(options.boolean("/on"), true);
  EXPECT_EQ(options.string("/name"), "con\"sole");
  EXPECT_EQ(options.number("/share"), 0.5);
  EXPECT_EQ(options.string("/outer/in~1ner"), "deep");
  EXPECT_EQ(options.integer("/absent"), std::nullopt);
  EXPECT_EQ(options.integer("/name"), std::nullopt) << "of another type";
  fake.set_options_json(R"({"size":43})");
  EXPECT_EQ(fake.options_json(kAnyOptions).value(), R"({"size":43})");
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

TEST(FakeHost, WhatIsForAnyThreadIs) {
  FakeHost fake;
  const spore_host* host = fake.table();
  Calls calls{.host = &fake, .times = {}};
  std::thread([&] {
    EXPECT_EQ(host->start_timer(host->context, 1, &on_timer, &calls, nullptr), SPORE_OK);
    EXPECT_EQ(host->start_timer(host->context, UINT64_MAX, &on_timer, &calls, nullptr), SPORE_OK);
  }).join();
  fake.advance(uint64_t{1} << 60);
  EXPECT_EQ(calls.times.size(), 1u) << "the other one is never due";
  EXPECT_EQ(fake.timers(), 1u);
}

TEST(FakeHost, ATimerThatStartsItselfAtOnceComesOnceATurn) {
  FakeHost fake;
  struct Again {
    const spore_host* host;
    int fired = 0;
    static void fire(void* self) {
      auto& again = *static_cast<Again*>(self);
      ++again.fired;
      again.host->start_timer(again.host->context, 0, &fire, self, nullptr);
    }
  } again{fake.table()};
  Again::fire(&again);
  fake.advance(1);
  EXPECT_EQ(again.fired, 2);
  fake.advance(0);
  EXPECT_EQ(again.fired, 3);
}

TEST(FakeHost, StatusesAreThoseOfHostH) {
  FakeHost fake;
  const spore_host* host = fake.table();
  const auto callback = [](void*, uint32_t) {};
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const auto watch = [&](int fd, uint32_t events, spore_fd_callback call) {
    return host->watch_fd(host->context, fd, events, call, nullptr);
  };
  EXPECT_EQ(watch(ends[0], SPORE_FD_READABLE, nullptr), SPORE_E_INVALID);
  EXPECT_EQ(watch(ends[0], 0, callback), SPORE_E_INVALID);
  EXPECT_EQ(watch(ends[0], SPORE_FD_READABLE | 8, callback), SPORE_E_INVALID);
  EXPECT_EQ(watch(-1, SPORE_FD_READABLE, callback), SPORE_E_INVALID);
  EXPECT_EQ(watch(1023, SPORE_FD_READABLE, callback), SPORE_E_INVALID);
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(watch(file, SPORE_FD_READABLE, callback), SPORE_E_UNSUPPORTED);
  ::close(file);
  EXPECT_EQ(host->modify_fd(host->context, ends[0], SPORE_FD_READABLE), SPORE_E_NOT_FOUND);
  EXPECT_EQ(watch(ends[0], SPORE_FD_READABLE, callback), SPORE_OK);
  EXPECT_EQ(host->modify_fd(host->context, ends[0], 0), SPORE_OK);
  EXPECT_EQ(host->modify_fd(host->context, ends[0], 16), SPORE_E_INVALID);
  host->unwatch_fd(host->context, ends[0]);
  host->unwatch_fd(host->context, ends[0]);
  EXPECT_EQ(host->start_timer(host->context, 1, nullptr, nullptr, nullptr), SPORE_E_INVALID);
  host->cancel_timer(host->context, 77);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(FakeHost, WithoutAMachineThereIsNothingToReach) {
  FakeHost fake;
  fake.memory().add_region(0, 4096);
  fake.set_machine(false);
  const spore_host* host = fake.table();
  uint8_t byte = 0;
  EXPECT_EQ(host->read_memory(host->context, 0, &byte, 1), SPORE_E_STATE);
  EXPECT_EQ(host->write_memory(host->context, 0, &byte, 1), SPORE_E_STATE);
  EXPECT_EQ(host->start_timer(host->context, 1, &on_timer, nullptr, nullptr), SPORE_E_STATE);
  EXPECT_EQ(host->watch_fd(
                host->context, 0, SPORE_FD_READABLE, [](void*, uint32_t) {}, nullptr),
            SPORE_E_STATE);
}

TEST(FakeHost, AnObjectMayAskTheMachineToStop) {
  FakeHost fake;
  const auto* machine = Host(fake.table()).find<spore_machine>(SPORE_MACHINE_1);
  ASSERT_NE(machine, nullptr);
  const auto stop = [&](uint32_t how, uint32_t status, std::string_view why) {
    return machine->stop(machine->context, how, status, to_abi(why));
  };
  EXPECT_EQ(stop(9, 0, ""), SPORE_E_UNSUPPORTED);
  EXPECT_EQ(stop(SPORE_STOP_STATUS, 256, ""), SPORE_E_INVALID);
  EXPECT_FALSE(fake.stop_request());
  EXPECT_EQ(stop(SPORE_STOP_STATUS, 33, "the guest is done"), SPORE_OK);
  EXPECT_EQ(stop(SPORE_STOP_RESET, 0, "too late"), SPORE_OK);
  EXPECT_EQ(fake.stop_request()->status, 33u);
  EXPECT_EQ(fake.stop_request()->reason, "the guest is done");
}

TEST(FakeHost, ServicesBelongToKinds) {
  FakeHost fake;
  const FakeInterrupts interrupts(fake);
  const Host host(fake.table());
  fake.object_comes(SPORE_KIND_IO_DEVICE);
  EXPECT_NE(host.find<void>(SPORE_INTERRUPTS_1), nullptr);
  EXPECT_NE(host.find<void>(SPORE_DEVICE_LOCK_1), nullptr);
  fake.object_comes(SPORE_KIND_VIRTIO_DEVICE);
  EXPECT_EQ(host.find<void>(SPORE_INTERRUPTS_1), nullptr);
  EXPECT_NE(host.find<void>(SPORE_DEVICE_LOCK_1), nullptr);
  fake.object_comes(SPORE_KIND_MEMORY_POLICY);
  EXPECT_EQ(host.find<void>(SPORE_DEVICE_LOCK_1), nullptr);
  EXPECT_NE(host.find<void>(SPORE_MACHINE_1), nullptr);
}

TEST(FakeHostDeathTest, ABrokenRuleThatNobodyTookEndsTheTest) {
  EXPECT_DEATH(
      {
        FakeHost fake;
        (void)fake.on_device("plug");
      },
      "SDK-11: plug is \\[device\\]");
}

TEST(FakeHost, Interrupts) {
  FakeHost fake;
  fake.object_comes(SPORE_KIND_IO_DEVICE);
  const FakeInterrupts interrupts(fake);
  const auto* table = Host(fake.table()).find<spore_interrupts>(SPORE_INTERRUPTS_1);
  ASSERT_NE(table, nullptr);
  table->pulse(table->context, 0);
  EXPECT_EQ(interrupts.pulses(), 0u) << "the device has not said what it has";
  fake.set_triggers({SPORE_TRIGGER_EDGE, SPORE_TRIGGER_LEVEL});
  table->pulse(table->context, 0);
  table->pulse(table->context, 0);
  EXPECT_EQ(interrupts.pulses(), 2u);
  table->set_level(table->context, 1, 1);
  EXPECT_TRUE(interrupts.level(1));
  table->set_level(table->context, 1, 0);
  EXPECT_FALSE(interrupts.level(1));
  EXPECT_EQ(interrupts.wrong(), 1u);
  table->pulse(table->context, 1);
  table->set_level(table->context, 0, 1);
  table->pulse(table->context, SPORE_IO_IRQS_MAX);
  EXPECT_EQ(interrupts.wrong(), 4u);
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
