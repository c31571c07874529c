// VMEM-01 to VMEM-11: the configuration space.
#include "fixture.hpp"

namespace vmem {
namespace {

TEST(Vmem01, BlockSizeIsAPowerOfTwoAndTheRegions) {
  EXPECT_EQ(Machine().get(BLOCK_SIZE), 2 * MiB);
  EXPECT_EQ(Machine({.shape = {.block_bytes = 64 * MiB}}).get(BLOCK_SIZE), 64 * MiB);
}

TEST(Vmem01, RefusesARegionWhoseBlockIsNoPowerOfTwo) {
  const auto made = Machine::try_create({.shape = {.bytes = 96 * MiB, .block_bytes = 3 * MiB}});
  ASSERT_FALSE(made.ok());
  EXPECT_FALSE(made.error().text.empty());
}

TEST(Vmem02, AllSizesAreMultiplesOfTheBlockSize) {
  for (const uint64_t block : {2 * MiB, 8 * MiB, 256 * MiB}) {
    Machine m({.shape = {.bytes = 2 * GiB, .block_bytes = block, .slot_bytes = 256 * MiB}});
    m.expect_consistent();
    for (uint64_t blocks = 0; blocks <= 2 * GiB / block; blocks += 1 + blocks / 2) {
      m.resize(blocks * block);
      m.expect_consistent();
    }
  }
}

TEST(Vmem02, RefusesAMisalignedRegion) {
  EXPECT_FALSE(Machine::try_create({.shape = {.gpa = 4 * GiB + MiB}}).ok());
  EXPECT_FALSE(Machine::try_create({.shape = {.bytes = GiB + MiB}}).ok());
  EXPECT_FALSE(Machine::try_create({.shape = {.requested_bytes = MiB}}).ok());
}

TEST(Vmem03, WhatIdentifiesTheDeviceNeverChanges) {
  Machine m;
  const auto fixed = [&m] {
    return std::array{m.get(BLOCK_SIZE), uint64_t{m.node_id()}, m.get(ADDR), m.get(REGION_SIZE)};
  };
  const auto before = fixed();
  EXPECT_EQ(before[2], 4 * GiB);
  EXPECT_EQ(before[3], GiB);
  m.resize(512 * MiB);
  m.plug(0, 16);
  EXPECT_EQ(fixed(), before);
  m.unplug_all();
  m.resize(0);
  EXPECT_EQ(fixed(), before);
  m.device().reset();
  EXPECT_EQ(fixed(), before);
}

TEST(Vmem04, TheUsableRegionHoldsTheRequestedSize) {
  Machine m;
  for (const uint64_t size : {uint64_t{0}, kBlock, 126 * MiB, 128 * MiB, 896 * MiB, GiB - kBlock, GiB, 4 * MiB}) {
    m.resize(size);
    EXPECT_EQ(m.get(REQUESTED_SIZE), size);
    EXPECT_GE(m.get(USABLE_SIZE), size);
  }
}

TEST(Vmem04, AlsoAfterUnplugAll) {
  Machine m;
  for (const uint64_t size : {GiB, 512 * MiB, kBlock, uint64_t{0}}) {
    m.resize(size);
    ASSERT_EQ(m.unplug_all(), ACK);
    EXPECT_GE(m.get(USABLE_SIZE), size);
  }
}

TEST(Vmem05, TheUsableRegionDoesNotShrinkWithTheRequestedSize) {
  Machine m;
  m.resize(768 * MiB);
  const uint64_t usable = m.get(USABLE_SIZE);
  m.resize(0);
  EXPECT_EQ(m.get(USABLE_SIZE), usable);
  m.plug(0);
  m.resize(kBlock);
  m.plug(0);
  m.unplug(0);
  EXPECT_EQ(m.get(USABLE_SIZE), usable);
  m.device().reset();
  EXPECT_EQ(m.get(USABLE_SIZE), usable);
}

TEST(Vmem06, ThePluggedSizeIsExactAfterEveryAck) {
  Machine m({.shape = {.requested_bytes = GiB}});
  EXPECT_EQ(m.get(PLUGGED_SIZE), 0u);
  ASSERT_EQ(m.plug(0, 3), ACK);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 3 * kBlock);
  ASSERT_EQ(m.plug(100), ACK);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 4 * kBlock);
  ASSERT_EQ(m.unplug(1, 2), ACK);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 2 * kBlock);
  ASSERT_EQ(m.unplug_all(), ACK);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 0u);
}

TEST(Vmem07, ANewRequestedSizeInterrupts) {
  Machine m;
  const unsigned before = m.virtio.config_interrupts();
  m.resize(512 * MiB);
  EXPECT_EQ(m.virtio.config_interrupts(), before + 1);
  m.resize(256 * MiB);
  EXPECT_EQ(m.virtio.config_interrupts(), before + 2);
}

TEST(Vmem07, TheSameRequestedSizeDoesNot) {
  Machine m({.shape = {.requested_bytes = 512 * MiB}});
  const unsigned before = m.virtio.config_interrupts();
  m.resize(512 * MiB);
  EXPECT_EQ(m.virtio.config_interrupts(), before);
}

TEST(Vmem07, NotDuringUnplugAllAlthoughTheUsableRegionMayShrink) {
  Machine m;
  m.resize(GiB);
  m.plug(0, 64);
  m.resize(0);
  const unsigned before = m.virtio.config_interrupts();
  ASSERT_EQ(m.unplug_all(), ACK);
  EXPECT_EQ(m.virtio.config_interrupts(), before);
}

TEST(Vmem08, PluggingDoesNotInterrupt) {
  Machine m({.shape = {.requested_bytes = GiB}});
  const unsigned before = m.virtio.config_interrupts();
  ASSERT_EQ(m.plug(0, 32), ACK);
  ASSERT_EQ(m.unplug(0, 16), ACK);
  EXPECT_EQ(m.virtio.config_interrupts(), before);
  EXPECT_EQ(m.virtio.interrupts(0), 2u) << "the queue's own interrupt tells of each response";
}

TEST(Vmem09, GuestWritesToTheConfigurationAreIgnored) {
  Machine m({.shape = {.requested_bytes = 256 * MiB}});
  m.plug(0, 2);
  const Bytes before = m.device().read_config(0, CONFIG_END);
  m.device().write_config(0, Bytes(CONFIG_END, 0xff));
  for (uint32_t at = 0; at < CONFIG_END; ++at) m.device().write_config(at, Bytes(1, 0x5a));
  EXPECT_EQ(m.device().read_config(0, CONFIG_END), before);
  m.expect_consistent();
}

TEST(Vmem10, EveryChangeOfContentAdvancesTheGeneration) {
  Machine m;
  const auto advances = [&m](auto&& change) {
    const uint32_t before = m.virtio.generation();
    change();
    return m.virtio.generation() != before;
  };
  EXPECT_TRUE(advances([&] { m.resize(512 * MiB); }));
  EXPECT_TRUE(advances([&] { ASSERT_EQ(m.plug(0, 4), ACK); }));
  EXPECT_TRUE(advances([&] { ASSERT_EQ(m.unplug(0), ACK); }));
  EXPECT_TRUE(advances([&] { ASSERT_EQ(m.unplug_all(), ACK); }));
}

TEST(Vmem10, ReadingInHalvesOrBytesGivesTheSame) {
  const uint64_t region = 0x3'e000'0000; // 15872 MiB: both halves count
  Machine m({.shape = {.gpa = 0x12'4000'0000, .bytes = region, .requested_bytes = region}});
  m.plug(0, 4096);
  m.plug(4096, 3000);
  const Bytes whole = m.device().read_config(0, CONFIG_END);
  for (const uint32_t width : {1u, 2u, 4u, 8u}) {
    Bytes pieces;
    for (uint32_t at = 0; at < CONFIG_END; at += width) {
      const Bytes piece = m.device().read_config(at, width);
      pieces.insert(pieces.end(), piece.begin(), piece.end());
    }
    EXPECT_EQ(pieces, whole) << "in pieces of " << width;
  }
  EXPECT_EQ(m.get(PLUGGED_SIZE), 7096 * kBlock);
}

TEST(Vmem11, TheUsableRegionIsGenerousAndEndsOnAMemoryBlock) {
  for (uint64_t size = kBlock; size <= GiB; size += 62 * MiB) {
    Machine m;
    m.resize(size);
    const uint64_t usable = m.get(USABLE_SIZE);
    EXPECT_GE(usable, std::min(GiB, size + kMemoryBlock)) << "requested " << size;
    EXPECT_TRUE(usable == GiB || (4 * GiB + usable) % kMemoryBlock == 0) << "requested " << size;
  }
}

TEST(Vmem11, AlsoWhereTheRegionDoesNotBeginOnOne) {
  const uint64_t gpa = 4 * GiB + 30 * MiB;
  Machine m({.shape = {.gpa = gpa}});
  m.resize(200 * MiB);
  EXPECT_EQ((gpa + m.get(USABLE_SIZE)) % kMemoryBlock, 0u);
  EXPECT_GE(m.get(USABLE_SIZE), 328 * MiB);
}

TEST(Vmem11, TheMemoryBlockIsAnOption) {
  if (third_party()) GTEST_SKIP() << "`memory-block` is an option of the project's own device";
  Machine m({.shape = {.bytes = 4 * GiB}, .options = {{"/memory-block", int64_t{512} << 20}}});
  m.resize(kBlock);
  EXPECT_EQ(m.get(USABLE_SIZE), GiB);
  EXPECT_FALSE(Machine::try_create({.options = {{"/memory-block", int64_t{3} << 20}}}).ok());
  EXPECT_FALSE(Machine::try_create({.options = {{"/memory-block", int64_t{-1}}}}).ok());
}

} // namespace
} // namespace vmem
