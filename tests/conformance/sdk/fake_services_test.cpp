// The fake services: queues, elastic memory and streams.
#include <sporehost/device_lock.hpp>
#include <sporehost/testing/fake_elastic.hpp>
#include <sporehost/testing/fake_streams.hpp>
#include <sporehost/testing/fake_virtio.hpp>
#include <sporehost/virtio_device.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spore::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kBlock = uint64_t{2} << 20;

struct FakeVirtioTest : ::testing::Test {
  FakeHost host;
  FakeVirtio fake{host};
  Virtio virtio{Host(host.table()).find<spore_virtio>(SPORE_VIRTIO_1)};
  spore::DeviceLock lock{Host(host.table()).find<spore_device_lock>(SPORE_DEVICE_LOCK_1)};

  void SetUp() override {
    fake.set_queues({64}, [](uint32_t) {});
  }
};

TEST_F(FakeVirtioTest, AChainGoesThereAndBack) {
  fake.set_live(true);
  const uint64_t serial = fake.offer(0, {{1, 2}, {3}}, {1, 3});
  {
    const std::lock_guard guard(lock);
    const auto chain = virtio.pop(0);
    ASSERT_TRUE(chain);
    EXPECT_EQ(chain->readable_bytes, 3u);
    EXPECT_EQ(chain->writable_bytes, 4u);
    uint8_t bytes[3] = {};
    EXPECT_EQ(virtio.read(*chain, 0, bytes, 3), SPORE_OK);
    EXPECT_THAT(bytes, ElementsAre(1, 2, 3));
    EXPECT_EQ(virtio.read(*chain, 1, bytes, 3), SPORE_E_RANGE);
    EXPECT_EQ(virtio.write(*chain, 2, bytes, 3), SPORE_E_RANGE);
    EXPECT_EQ(virtio.write(*chain, 0, bytes, 3), SPORE_OK);
    virtio.push(*chain, 3);
    EXPECT_EQ(fake.interrupts(0), 0u) << "the interrupt comes when the call returns";
    EXPECT_EQ(virtio.read(*chain, 0, bytes, 1), SPORE_E_STATE);
  }
  EXPECT_EQ(fake.interrupts(0), 1u);
  ASSERT_EQ(fake.completions(0).size(), 1u);
  EXPECT_EQ(fake.completions(0)[0].serial, serial);
  EXPECT_THAT(fake.completions(0)[0].segments, ElementsAre(Bytes{1}, Bytes{2, 3, 0}));
}

TEST_F(FakeVirtioTest, MannersAreWatched) {
  fake.set_live(true);
  fake.offer(0, {}, {4});
  spore_chain chain{};
  {
    const std::lock_guard guard(lock);
    chain = *virtio.pop(0);
    virtio.push(chain, 5);
  }
  EXPECT_THAT(host.checks().take(), ElementsAre(HasSubstr("more bytes")));
  {
    const std::lock_guard guard(lock);
    virtio.push(chain, 0);
  }
  EXPECT_THAT(host.checks().take(), ElementsAre(HasSubstr("twice")));
  EXPECT_FALSE(virtio.pop(0));
  EXPECT_THAT(host.checks().take(), ElementsAre(HasSubstr("pop is [device]")));
}

TEST_F(FakeVirtioTest, AResetVoidsChains) {
  fake.set_live(true);
  fake.offer(0, {{1}}, {1});
  const std::lock_guard guard(lock);
  const auto chain = virtio.pop(0);
  fake.drop_all();
  virtio.push(*chain, 1);
  EXPECT_EQ(fake.void_pushes(), 1u);
  EXPECT_THAT(host.checks().take(), ElementsAre(HasSubstr("SDK-22")));
  EXPECT_TRUE(fake.completions(0).empty());
}

TEST_F(FakeVirtioTest, ConfigurationChangesBeforeAndAfterDriverOk) {
  const std::lock_guard guard(lock);
  virtio.config_changed();
  EXPECT_EQ(fake.config_interrupts(), 0u);
  EXPECT_EQ(fake.generation(), 1u);
  fake.set_live(true);
  virtio.config_touched();
  virtio.config_changed();
  EXPECT_EQ(fake.config_interrupts(), 1u);
  EXPECT_EQ(fake.generation(), 3u);
}

struct FakeElasticTest : ::testing::Test {
  FakeHost host;
  FakeElastic fake{host, {.bytes = 64 * kBlock, .slot_bytes = 16 * kBlock}};
  const spore_elastic_memory* table = Host(host.table()).find<spore_elastic_memory>(SPORE_ELASTIC_MEMORY_1);

  spore_status plug(uint64_t block, uint64_t blocks) {
    const std::scoped_lock guard(host.device_lock());
    return table->plug(table->context, block * kBlock, blocks * kBlock, nullptr);
  }
  spore_status unplug(uint64_t block, uint64_t blocks) {
    const std::scoped_lock guard(host.device_lock());
    return table->unplug(table->context, block * kBlock, blocks * kBlock, nullptr);
  }
};

TEST_F(FakeElasticTest, PluggedMemoryIsGuestMemoryAndZero) {
  uint64_t value = 7;
  const uint64_t gpa = fake.shape().gpa + 3 * kBlock;
  EXPECT_EQ(host.memory().write(gpa, &value, 8), SPORE_E_RANGE);
  ASSERT_EQ(plug(3, 1), SPORE_OK);
  EXPECT_EQ(host.memory().write(gpa, &value, 8), SPORE_OK);
  EXPECT_EQ(host.memory().write(gpa + kBlock - 4, &value, 8), SPORE_E_RANGE) << "the second half is not plugged";
  ASSERT_EQ(unplug(3, 1), SPORE_OK);
  ASSERT_EQ(plug(3, 1), SPORE_OK);
  EXPECT_EQ(host.memory().read(gpa, &value, 8), SPORE_OK);
  EXPECT_EQ(value, 0u);
}

TEST_F(FakeElasticTest, TheBookkeepingIsStrict) {
  EXPECT_EQ(plug(0, 65), SPORE_E_RANGE);
  EXPECT_EQ(plug(64, 1), SPORE_E_RANGE);
  EXPECT_EQ(plug(0, 0), SPORE_E_RANGE);
  EXPECT_EQ(plug(0, 8), SPORE_OK);
  EXPECT_EQ(plug(7, 2), SPORE_E_STATE);
  EXPECT_EQ(unplug(7, 2), SPORE_E_STATE);
  EXPECT_EQ(table->blocks(table->context, 7 * kBlock, 2 * kBlock), SPORE_BLOCKS_MIXED);
  fake.set_busy(true);
  EXPECT_EQ(unplug(0, 8), SPORE_E_BUSY);
  table->plug(table->context, 0, kBlock, nullptr);
  EXPECT_THAT(host.checks().take(), ElementsAre(HasSubstr("plug is [device]")));
}

TEST_F(FakeElasticTest, AFailureAtAnyStepIsRolledBack) {
  for (unsigned step = 0; step < 4; ++step) { // reserve, two slots, commit
    fake.fail_next_plug(SPORE_E_NO_MEMORY, step);
    EXPECT_EQ(plug(8, 16), SPORE_E_NO_MEMORY) << step;
    EXPECT_EQ(fake.mapped_slots(), 0u);
    EXPECT_EQ(fake.plugged_bytes(), 0u);
  }
  EXPECT_EQ(plug(8, 16), SPORE_OK);
  EXPECT_EQ(fake.mapped_slots(), 2u);
}

TEST_F(FakeElasticTest, SlotsComeAndGoAndKeptOnesStay) {
  ASSERT_EQ(plug(16, 2), SPORE_OK);
  ASSERT_EQ(unplug(16, 2), SPORE_OK);
  EXPECT_THAT(fake.journal(),
              ElementsAre("map slot 1", "commit 33554432+4194304", "unmap slot 1", "discard 33554432+4194304"));
  const std::scoped_lock guard(host.device_lock());
  ASSERT_EQ(table->keep_mapped(table->context, 20 * kBlock, nullptr), SPORE_OK);
  EXPECT_EQ(fake.mapped_slots(), 2u);
  ASSERT_EQ(table->keep_mapped(table->context, 0, nullptr), SPORE_OK);
  EXPECT_EQ(fake.mapped_slots(), 0u);
}

TEST_F(FakeElasticTest, InfoSaysWhatIsRequestedNow) {
  spore_elastic_info info{};
  EXPECT_EQ(table->info(table->context, &info), SPORE_E_INVALID);
  EXPECT_THAT(host.checks().take(), ElementsAre(HasSubstr("SDK-15")));
  info.size = sizeof info;
  fake.set_requested(8 * kBlock);
  EXPECT_EQ(table->info(table->context, &info), SPORE_OK);
  EXPECT_EQ(info.requested_bytes, 8 * kBlock);
  EXPECT_EQ(info.bytes, 64 * kBlock);
}

struct FakeStreamsTest : ::testing::Test {
  FakeHost host;
  FakeStreams fake{host, {"console", "sporehost.agent"}};
  const spore_streams* table = Host(host.table()).find<spore_streams>(SPORE_STREAMS_1);
  unsigned readable = 0;
  unsigned writable = 0;
  uint32_t stream = 99;

  static void on_readable(void* self, uint32_t /*stream*/) { ++static_cast<FakeStreamsTest*>(self)->readable; }
  static void on_writable(void* self, uint32_t /*stream*/) { ++static_cast<FakeStreamsTest*>(self)->writable; }
  static spore_stream_events events() {
    spore_stream_events out{};
    out.size = sizeof out;
    out.readable = on_readable;
    out.writable = on_writable;
    return out;
  }
  const spore_stream_events kEvents = events();

  spore_status open(std::string_view name) {
    return table->open(table->context, to_abi(name), &kEvents, this, &stream);
  }
  void open() { ASSERT_EQ(open("console"), SPORE_OK); }
};

TEST_F(FakeStreamsTest, OneHolderAndOnlyKnownNames) {
  EXPECT_EQ(open("none"), SPORE_E_NOT_FOUND);
  EXPECT_EQ(open("sporehost.agent"), SPORE_OK);
  EXPECT_EQ(open("sporehost.agent"), SPORE_E_EXISTS);
  open();
  EXPECT_EQ(open("console"), SPORE_OK) << "text from several may share it";
}

TEST_F(FakeStreamsTest, ASlowHostMakesTheDeviceWait) {
  open();
  const std::scoped_lock guard(host.device_lock());
  fake.set_room("console", 3);
  EXPECT_EQ(table->give(table->context, stream, "hello", 5), 3u);
  EXPECT_EQ(table->give(table->context, stream, "lo", 2), 0u);
  EXPECT_EQ(writable, 0u);
  fake.set_room("console", 100);
  EXPECT_EQ(writable, 1u);
  EXPECT_EQ(table->give(table->context, stream, "lo", 2), 2u);
  EXPECT_EQ(fake.received("console"), "hello");
}

TEST_F(FakeStreamsTest, TheHostWaitsForTheGuestToOpen) {
  open();
  fake.send("console", "early");
  EXPECT_EQ(readable, 0u);
  char data[16];
  const std::scoped_lock guard(host.device_lock());
  EXPECT_EQ(table->take(table->context, stream, data, sizeof data), 0u);
  table->guest_open(table->context, stream, 1);
  EXPECT_EQ(readable, 1u);
  EXPECT_EQ(table->take(table->context, stream, data, 3), 3u);
  EXPECT_EQ(fake.unsent("console"), 2u);
  fake.send("console", "!");
  EXPECT_EQ(readable, 2u);
}

} // namespace
} // namespace spore::testing
