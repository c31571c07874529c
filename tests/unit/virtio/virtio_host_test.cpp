// Interrupts, the personality's services and its life.
#include "tests/support/echo_device.hpp"

#include <gmock/gmock.h>

namespace sporehost {
namespace {

using namespace virtio;
using ::testing::Contains;
using testing::EchoDevice;
using testing::EchoMachine;
using testing::EchoRecord;
using ::testing::HasSubstr;
using testing::to_object;

constexpr uint64_t kIn = EchoMachine::kBuffers;
constexpr uint64_t kOut = EchoMachine::kBuffers + 0x1000;

TEST(VirtioHost, EchoesDirectAndIndirectChains) {
  EchoMachine m;
  ASSERT_TRUE(m.start(EchoMachine::kIndirect | kFeatureEventIdx));
  m.memory.put<uint64_t>(kIn, 0x1122334455667788);
  m.queue().add({{kIn, 3, false}, {kIn + 3, 5, false}, {kOut, 1, true}, {kOut + 1, 7, true}});
  m.queue().add_indirect({{kIn, 8, false}, {kOut + 0x100, 8, true}}, kIn + 0x100);
  m.driver().kick(0);
  EXPECT_EQ(m.queue().take_used()->length, 8u);
  EXPECT_EQ(m.queue().take_used()->length, 8u);
  EXPECT_EQ(m.memory.get<uint64_t>(kOut), 0x1122334455667788u);
  EXPECT_EQ(m.memory.get<uint64_t>(kOut + 0x100), 0x1122334455667788u);
  const VirtioCounters counters = m.host().counters();
  EXPECT_EQ(counters.chains, 2u);
  EXPECT_EQ(counters.notifications, 1u);
  EXPECT_EQ(counters.interrupts, 1u);
  EXPECT_EQ(counters.malformed, 0u);
}

TEST(VirtioHost, OneInterruptForABatch) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  for (int i = 0; i < 5; ++i) m.queue().add({{kIn, 4, false}, {kOut, 4, true}});
  m.transport().service_queue(0);
  EXPECT_EQ(m.queue().used_index(), 5);
  EXPECT_EQ(m.pulses, 1);
  EXPECT_EQ(m.driver().take_interrupts(), kInterruptUsed);
  EXPECT_EQ(m.driver().read(kMmioInterruptStatus), 0u);
}

TEST(VirtioHost, InterruptsWaitForTheOutermostUnlock) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  m.queue(1).add({{kOut, 4, true}});
  m.driver().kick(1);
  {
    const std::lock_guard outer(m.host());
    {
      const std::lock_guard inner(m.host());
      m.device().push(m.record.held.front(), 0);
      m.device().config_changed();
    }
    EXPECT_EQ(m.pulses, 0);
  }
  EXPECT_EQ(m.pulses, 1);
  EXPECT_EQ(m.driver().take_interrupts(), kInterruptUsed | kInterruptConfig);
}

TEST(VirtioHost, AnEdgeForEachNewBitAndNoneForAnOldOne) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  const auto echo = [&] {
    m.queue().add({{kIn, 4, false}, {kOut, 4, true}});
    m.driver().kick(0);
  };
  const auto config = [&] {
    const std::lock_guard lock(m.host());
    m.device().config_changed();
  };
  echo();
  EXPECT_EQ(m.pulses, 1);
  echo();
  EXPECT_EQ(m.pulses, 1) << "not acknowledged yet: the driver will see it";
  config();
  EXPECT_EQ(m.pulses, 2) << "another bit";
  m.driver().write(kMmioInterruptAck, kInterruptUsed);
  EXPECT_EQ(m.pulses, 3) << "a bit is left that no further edge would tell of";
  m.driver().write(kMmioInterruptAck, kInterruptConfig);
  EXPECT_EQ(m.pulses, 3);
  echo();
  EXPECT_EQ(m.pulses, 4);
}

TEST(VirtioHost, NoInterruptWhereTheDriverWantsNone) {
  EchoMachine m;
  ASSERT_TRUE(m.start(EchoMachine::kEvents));
  m.queue().want_interrupt(false);
  m.queue().add({{kIn, 4, false}, {kOut, 4, true}});
  m.driver().kick(0);
  EXPECT_TRUE(m.queue().take_used());
  EXPECT_EQ(m.pulses, 0);
}

TEST(VirtioHost, ConfigurationChanges) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  const auto locked = [&](auto&& body) {
    const std::lock_guard lock(m.host());
    body(m.device());
  };
  locked([](spore::Virtio v) { v.config_changed(); });
  EXPECT_EQ(m.driver().read(kMmioConfigGeneration), 1u);
  EXPECT_EQ(m.pulses, 0) << "before DRIVER_OK";
  ASSERT_TRUE(m.driver().negotiate(EchoMachine::kBasic));
  m.driver().driver_ok();
  locked([](spore::Virtio v) { v.config_touched(); });
  EXPECT_EQ(m.driver().read(kMmioConfigGeneration), 2u);
  EXPECT_EQ(m.pulses, 0);
  locked([](spore::Virtio v) { v.config_changed(); });
  EXPECT_EQ(m.driver().read(kMmioConfigGeneration), 3u);
  EXPECT_EQ(m.pulses, 1);
  EXPECT_EQ(m.host().counters().config_interrupts, 1u);
}

TEST(VirtioHost, MalformedChainsAreCountedLoggedAndReturned) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  m.queue().set_descriptor(9, {0xffff000000000000, 4, kDescWrite, 0}, 0);
  m.queue().make_available(9);
  m.queue().add({{kIn, 4, false}, {kOut, 4, true}});
  m.driver().kick(0);
  const auto bad = m.queue().take_used();
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->id, 9u);
  EXPECT_EQ(bad->length, 0u);
  EXPECT_EQ(m.queue().take_used()->length, 4u);
  EXPECT_EQ(m.host().counters().malformed, 1u);
  EXPECT_EQ(m.host().counters().chains, 1u);
  EXPECT_THAT(m.log, Contains(HasSubstr("a request is dropped")));
  EXPECT_EQ(m.driver().status() & kStatusNeedsReset, 0u);
}

TEST(VirtioHost, AMalformedChainAloneRaisesTheInterruptToo) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  m.queue().set_descriptor(0, {kIn, 4, kDescNext, 0}, 0);
  m.queue().make_available(0);
  m.driver().kick(0);
  EXPECT_EQ(m.driver().take_interrupts(), kInterruptUsed);
  EXPECT_EQ(m.pulses, 1);
}

// A driver that adds a new request each time the device gives one back never lets the queue run empty.
TEST(VirtioHost, ADriverThatNeverStopsDoesNotHoldTheThread) {
  static constexpr uint16_t kQueueSizes[] = {16};
  class Greedy : public spore::VirtioDevice {
   public:
    Greedy(EchoMachine& m, int& served) : m_(m), served_(served) {}
    void describe(spore_virtio_traits& out) override {
      out.device_id = 42;
      out.queue_count = 1;
      out.queue_size_max = kQueueSizes;
    }
    void read_config(uint32_t, std::span<uint8_t>) override {}
    void notify(uint32_t queue) override {
      while (const auto chain = m_.device().pop(queue)) {
        ++served_;
        m_.device().push(*chain, 0);
        (void)m_.queue().take_used();
        if (served_ < 10000) m_.queue().add({{kOut, 4, true}});
      }
    }
    void reset() override {}

   private:
    EchoMachine& m_;
    int& served_;
  };
  EchoMachine m(true);
  int served = 0;
  ASSERT_TRUE(m.host().attach(to_object(std::make_unique<Greedy>(m, served))).ok());
  m.record.queue_count = 1;
  ASSERT_TRUE(m.driver().negotiate(EchoMachine::kEvents));
  m.set_up_queues(EchoMachine::kEvents, 16);
  m.driver().driver_ok();
  m.queue().add({{kOut, 4, true}});
  EXPECT_TRUE(m.queue().should_kick());
  m.transport().service_queue(0);
  EXPECT_EQ(served, 64);
  ASSERT_EQ(m.rescheduled, std::vector<uint32_t>{0});
  EXPECT_FALSE(m.queue().should_kick()) << "the device comes back without the bell";
  for (size_t i = 0; i < m.rescheduled.size(); ++i) m.transport().service_queue(0);
  EXPECT_EQ(served, 10000) << "every request was served in the end";
  m.queue().add({{kOut, 4, true}});
  EXPECT_TRUE(m.queue().should_kick());
}

TEST(VirtioHost, CallsWithoutTheLockAreNamed) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  EXPECT_FALSE(m.device().pop(0));
  EXPECT_EQ(m.host().counters().violations, 1u);
  EXPECT_THAT(m.log, Contains(HasSubstr("called pop without the device's lock")));
  m.host().unlock();
  EXPECT_THAT(m.log, Contains(HasSubstr("does not hold the lock")));
}

TEST(VirtioHost, PopChecksItsArguments) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  const spore_virtio& table = *m.host().table();
  const std::lock_guard lock(m.host());
  spore_chain chain{};
  EXPECT_EQ(table.pop(table.context, 0, &chain), SPORE_E_INVALID) << "size is not set";
  chain.size = sizeof chain;
  EXPECT_EQ(table.pop(table.context, 2, &chain), SPORE_E_INVALID);
  EXPECT_EQ(table.pop(table.context, 0, &chain), SPORE_E_NOT_FOUND);
  chain.queue = 7;
  table.push(table.context, &chain, 0);
  EXPECT_EQ(table.read(table.context, &chain, 0, nullptr, 0), SPORE_E_STATE);
}

TEST(VirtioHost, DestroysThePersonalityOnce) {
  EchoRecord record;
  {
    EchoMachine m;
    VirtioHost& host = m.host();
    ASSERT_TRUE(host.attach(to_object(std::make_unique<EchoDevice>(host.table(), record))).ok());
    EXPECT_EQ(host.attach(to_object(std::make_unique<EchoDevice>(host.table(), record))).error().status, SPORE_E_STATE);
    EXPECT_EQ(record.destroyed, 1) << "the second one, which was not taken";
  }
  EXPECT_EQ(record.destroyed, 2);
}

TEST(VirtioHost, TraitsThatBreakARuleAreRefusedAndTheObjectDestroyed) {
  const auto refused = [](auto change) -> std::string {
    EchoMachine m;
    change(m.record);
    const auto result = m.attach();
    EXPECT_EQ(m.record.destroyed, result.ok() ? 0 : 1);
    return result.ok() ? "" : result.error().text;
  };
  EXPECT_EQ(refused([](EchoRecord&) {}), "");
  EXPECT_THAT(refused([](EchoRecord& r) { r.features = kFeatureVersion1; }), HasSubstr("bits 24 to 49"));
  EXPECT_THAT(refused([](EchoRecord& r) { r.features = uint64_t{1} << 24; }), HasSubstr("bits 24 to 49"));
  EXPECT_EQ(refused([](EchoRecord& r) { r.features = uint64_t{1} << 50 | 1u << 23; }), "");
  EXPECT_THAT(refused([](EchoRecord& r) { r.queue_size = 24; }), HasSubstr("queue_size_max[0]"));
  EXPECT_THAT(refused([](EchoRecord& r) { r.queue_size = 0; }), HasSubstr("queue_size_max[0]"));
  EXPECT_THAT(refused([](EchoRecord& r) { r.queue_count = 0; }), HasSubstr("queue_count 0"));
  EXPECT_THAT(refused([](EchoRecord& r) { r.queue_count = SPORE_VIRTIO_QUEUES_MAX + 1; }),
              HasSubstr("queue_count 1025"));
  EXPECT_EQ(refused([](EchoRecord& r) { r.queue_count = SPORE_VIRTIO_QUEUES_MAX; }), "");
}

TEST(VirtioHost, TablesWithHolesAreRefused) {
  EchoMachine m;
  EXPECT_FALSE(m.host().attach({}).ok());
  spore_virtio_device_ops ops = spore::VirtioDevice::Ops::table;
  ops.notify = nullptr;
  EXPECT_FALSE(m.host().attach({&ops, std::make_unique<EchoDevice>(nullptr, m.record).release()}).ok());
  EXPECT_EQ(m.record.destroyed, 1);
  ops = spore::VirtioDevice::Ops::table;
  ops.size = offsetof(spore_virtio_device_ops, reset);
  EXPECT_FALSE(m.host().attach({&ops, std::make_unique<EchoDevice>(nullptr, m.record).release()}).ok());
  EXPECT_EQ(m.record.destroyed, 2);
}

} // namespace
} // namespace sporehost
