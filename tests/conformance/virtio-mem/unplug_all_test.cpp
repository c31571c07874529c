// VMEM-30 to VMEM-33: UNPLUG_ALL and STATE.
#include "fixture.hpp"

namespace vmem {
namespace {

MachineSetup grown() {
  return {.shape = {.requested_bytes = GiB}};
}

TEST(Vmem30, AfterUnplugAllNothingIsPlugged) {
  Machine m(grown());
  ASSERT_EQ(m.plug(0, 3), ACK);
  ASSERT_EQ(m.plug(70, 30), ACK);
  ASSERT_EQ(m.plug(511), ACK);
  EXPECT_EQ(m.unplug_all(), ACK);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 0u);
  EXPECT_EQ(m.query(0, 512).state, UNPLUGGED);
  EXPECT_EQ(m.elastic.mapped_slots(), 0u);
}

TEST(Vmem30, ItMayShrinkTheUsableRegionToWhatIsRequested) {
  if (third_party()) GTEST_SKIP() << "shrinking is allowed and not demanded";
  Machine m(grown());
  ASSERT_EQ(m.get(USABLE_SIZE), GiB);
  m.resize(200 * MiB);
  ASSERT_EQ(m.unplug_all(), ACK);
  EXPECT_EQ(m.get(USABLE_SIZE), 384 * MiB);
  EXPECT_EQ(m.send(STATE, m.address(384 * MiB / kBlock), 1).type, ERROR);
  EXPECT_EQ(m.plug(0, 100), ACK);
}

TEST(Vmem30, ItAnswersAckOrBusyOnly) {
  Machine m(grown());
  EXPECT_EQ(m.unplug_all(), ACK) << "with nothing plugged";
  ASSERT_EQ(m.plug(0, 3), ACK);
  for (spore_status status = SPORE_E_INVALID; status <= SPORE_E_TIMEOUT; ++status) {
    m.elastic.fail_next_unplug_all(status);
    EXPECT_EQ(m.unplug_all(), BUSY) << "status " << status;
    EXPECT_EQ(m.get(PLUGGED_SIZE), 3 * kBlock);
    EXPECT_EQ(m.get(USABLE_SIZE), GiB);
  }
  EXPECT_EQ(m.unplug_all(), ACK);
}

TEST(Vmem31, StateValidatesItsRange) {
  Machine m;
  m.resize(kBlock);
  const uint64_t usable_blocks = m.get(USABLE_SIZE) / kBlock;
  EXPECT_EQ(m.send(STATE, m.address(0) + 4096, 1).type, ERROR);
  EXPECT_EQ(m.query(0, 0).type, ERROR);
  EXPECT_EQ(m.query(usable_blocks, 1).type, ERROR);
  EXPECT_EQ(m.query(usable_blocks - 1, 2).type, ERROR);
  EXPECT_EQ(m.send(STATE, 0, 65535).type, ERROR);
  EXPECT_EQ(m.query(0, static_cast<uint16_t>(usable_blocks)).type, ACK);
}

TEST(Vmem32, StateIsExact) {
  Machine m(grown());
  ASSERT_EQ(m.plug(10, 10), ACK);
  const std::tuple<uint64_t, uint16_t, State> cases[] = {
      {0, 10, UNPLUGGED}, {9, 1, UNPLUGGED},  {10, 1, PLUGGED}, {10, 10, PLUGGED},
      {19, 1, PLUGGED},   {20, 1, UNPLUGGED}, {9, 2, MIXED},    {19, 2, MIXED},
      {9, 12, MIXED},     {0, 512, MIXED},    {12, 3, PLUGGED}, {20, 492, UNPLUGGED},
  };
  for (const auto& [block, count, expected] : cases) {
    const Reply reply = m.query(block, count);
    EXPECT_EQ(reply.type, ACK);
    EXPECT_EQ(reply.state, expected) << block << "+" << count;
  }
}

TEST(Vmem32, StateChangesNothing) {
  Machine m(grown());
  ASSERT_EQ(m.plug(0, 4), ACK);
  m.elastic.clear_journal();
  const uint32_t generation = m.virtio.generation();
  m.query(0, 8);
  EXPECT_THAT(m.elastic.journal(), testing::IsEmpty());
  EXPECT_EQ(m.virtio.generation(), generation);
}

TEST(Vmem33, ADriverThatFindsPluggedMemoryStartsOver) {
  Machine m(grown());
  ASSERT_EQ(m.plug(0, 300), ACK);
  m.device().reset();
  m.start();
  ASSERT_EQ(m.get(PLUGGED_SIZE), 300 * kBlock);
  EXPECT_EQ(m.unplug_all(), ACK);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 0u);
  EXPECT_EQ(m.plug(0, 512), ACK) << "and it resizes as before";
}

TEST(Vmem33, AlsoWhenNothingIsRequestedAnyMore) {
  Machine m(grown());
  ASSERT_EQ(m.plug(0, 300), ACK);
  m.device().reset();
  m.resize(0);
  m.start();
  EXPECT_EQ(m.unplug_all(), ACK);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 0u);
}

} // namespace
} // namespace vmem
