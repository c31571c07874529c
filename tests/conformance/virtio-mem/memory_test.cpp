// VMEM-34 to VMEM-37, VMEM-39 and VMEM-40: the memory itself, as far as the device has a hand in it. What the host's
// memory does is shown by the tests named in the SKIP lines.
#include "fixture.hpp"

namespace vmem {
namespace {

MachineSetup grown() {
  return {.shape = {.requested_bytes = GiB}};
}

TEST(Vmem34, TheDeviceNeverModifiesPluggedMemory) {
  Machine m(grown());
  ASSERT_EQ(m.plug(0, 64), ACK);
  Bytes pattern(8192);
  for (size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<uint8_t>(i * 31 + 7);
  for (const uint64_t block : {0, 1, 31, 62}) ASSERT_TRUE(m.elastic.guest_write(block * kBlock, pattern.data(), 8192));
  m.plug(100, 20);
  m.unplug(63);
  m.query(0, 512);
  m.plug(0);
  m.send(UNPLUG, m.address(0) + 1, 1);
  m.resize(kBlock);
  m.device().reset();
  m.start();
  m.unplug(100, 20);
  for (const uint64_t block : {0, 1, 31, 62}) {
    Bytes read(8192);
    ASSERT_TRUE(m.elastic.guest_read(block * kBlock, read.data(), read.size()));
    EXPECT_EQ(read, pattern) << "block " << block;
  }
}

TEST(Vmem35, PluggedMemoryIsReachableByEveryDevice) {
  GTEST_SKIP()
      << "the host's part: GuestMemory.CopiesAcrossAdjacentRegionsAndIntoTheElasticOne in tests/unit/memory; tier "
         "nested with a running guest";
}

TEST(Vmem36, AReplugIsZero) {
  const uint64_t mark = 0x5eed5eed5eed5eed;
  const auto leave_and_return = [&](const char* how, auto&& leave) {
    Machine m(grown());
    ASSERT_EQ(m.plug(0, 4), ACK);
    for (uint64_t at = 0; at < 4 * kBlock; at += kBlock / 2) ASSERT_TRUE(m.elastic.guest_write(at, &mark, 8));
    leave(m);
    EXPECT_EQ(m.elastic.resident_bytes(), 0u) << how << ": what is unplugged is given back";
    ASSERT_EQ(m.plug(0, 4), ACK);
    for (uint64_t at = 0; at < 4 * kBlock; at += kBlock / 2) {
      uint64_t value = mark;
      ASSERT_TRUE(m.elastic.guest_read(at, &value, 8));
      EXPECT_EQ(value, 0u) << how;
    }
  };
  leave_and_return("UNPLUG", [](Machine& m) { ASSERT_EQ(m.unplug(0, 4), ACK); });
  leave_and_return("UNPLUG_ALL", [](Machine& m) { ASSERT_EQ(m.unplug_all(), ACK); });
}

TEST(Vmem37, AResizeWaitsForTheDriver) {
  Machine m({.start = false});
  m.resize(512 * MiB);
  EXPECT_EQ(m.get(REQUESTED_SIZE), 0u);
  EXPECT_EQ(m.state().active, 0u);
  EXPECT_EQ(m.virtio.config_interrupts(), 0u);
  ASSERT_EQ(m.device().accept_features(kModern), SPORE_OK);
  EXPECT_EQ(m.get(REQUESTED_SIZE), 0u) << "FEATURES_OK is not DRIVER_OK";
  ASSERT_TRUE(m.device().activate(kModern).ok());
  EXPECT_EQ(m.get(REQUESTED_SIZE), 512 * MiB);
  EXPECT_EQ(m.state().active, 1u);
  m.expect_consistent();
  EXPECT_EQ(m.plug(0, 256), ACK);
}

TEST(Vmem37, ItOutlivesTheResetThatADriverBeginsWith) {
  Machine m({.start = false});
  m.resize(512 * MiB);
  m.device().reset();
  m.start();
  EXPECT_EQ(m.get(REQUESTED_SIZE), 512 * MiB);
}

TEST(Vmem37, AfterADeviceResetItWaitsAgain) {
  Machine m(grown());
  m.device().reset();
  m.resize(kBlock);
  EXPECT_EQ(m.get(REQUESTED_SIZE), GiB);
  m.start();
  EXPECT_EQ(m.get(REQUESTED_SIZE), kBlock);
}

TEST(Vmem37, WhatThePlanRequestsIsThereFromTheStart) {
  Machine m({.shape = {.requested_bytes = 64 * MiB}, .start = false});
  EXPECT_EQ(m.get(REQUESTED_SIZE), 64 * MiB);
}

TEST(Vmem39, TheDeviceMapsNothingThatIsNotPlugged) {
  Machine m(grown());
  uint64_t value = 0;
  EXPECT_EQ(m.elastic.mapped_slots(), 0u);
  EXPECT_EQ(m.elastic.kept_mapped_bytes(), 0u);
  EXPECT_FALSE(m.elastic.guest_write(0, &value, 8));
  ASSERT_EQ(m.plug(0, 64), ACK);
  EXPECT_EQ(m.elastic.mapped_slots(), 1u);
  EXPECT_FALSE(m.elastic.guest_read(64 * kBlock, &value, 8)) << "the next slot";
  ASSERT_EQ(m.unplug(0, 64), ACK);
  EXPECT_EQ(m.elastic.mapped_slots(), 0u);
  EXPECT_FALSE(m.elastic.guest_read(0, &value, 8));
}

TEST(Vmem39, AGuestAccessToAnEmptySlotFaults) {
  GTEST_SKIP() << "the host's part: ElasticRegionTest.Vmem39* in tests/unit/memory; GuestTest.UnmappedMemoryIsMmio in "
                  "tests/guests on a real backend";
}

TEST(Vmem40, NothingReachesTheMemoryBeforeItIsValidated) {
  Machine m;
  m.resize(8 * kBlock);
  ASSERT_EQ(m.plug(0, 4), ACK);
  m.elastic.clear_journal();
  m.elastic.fail_next_plug(SPORE_E_INTERNAL); // would show as BUSY if the request came that far
  EXPECT_EQ(m.plug(2, 4), ERROR);
  EXPECT_EQ(m.plug(4, 5), NACK);
  EXPECT_EQ(m.send(PLUG, m.address(4) + 1, 1).type, ERROR);
  EXPECT_EQ(m.plug(4, 0), ERROR);
  EXPECT_EQ(m.plug(100000), ERROR);
  EXPECT_EQ(m.unplug(3, 2), ERROR);
  EXPECT_THAT(m.elastic.journal(), testing::IsEmpty());
}

TEST(Vmem40, TheMemoryIsThereWhenTheResponseIs) {
  Machine m(grown());
  m.elastic.clear_journal();
  ASSERT_EQ(m.plug(0), ACK);
  EXPECT_THAT(m.elastic.journal(), testing::ElementsAre("map slot 0", "commit 0+2097152"));
  m.elastic.clear_journal();
  ASSERT_EQ(m.unplug(0), ACK);
  EXPECT_THAT(m.elastic.journal(), testing::ElementsAre("unmap slot 0", "discard 0+2097152"));
}

TEST(Vmem40, TheOrderInsideTheHost) {
  GTEST_SKIP() << "the host's part, with a rollback at each step: ElasticRegionTest.Vmem40* in tests/unit/memory";
}

} // namespace
} // namespace vmem
