// VMEM-18 to VMEM-26: PLUG and UNPLUG.
#include "fixture.hpp"

namespace vmem {
namespace {

constexpr Type kRanged[] = {PLUG, UNPLUG, STATE};

MachineSetup grown() {
  return {.shape = {.requested_bytes = GiB}};
}

TEST(Vmem18, AnUnalignedAddressIsAnError) {
  Machine m(grown());
  ASSERT_EQ(m.plug(0, 8), ACK);
  for (const Type type : kRanged) {
    for (const uint64_t off : {uint64_t{1}, uint64_t{4096}, kBlock / 2, kBlock - 1}) {
      EXPECT_EQ(m.send(type, m.address(0) + off, 1).type, ERROR) << type << " at +" << off;
    }
  }
  EXPECT_EQ(m.get(PLUGGED_SIZE), 8 * kBlock);
}

TEST(Vmem18, BeforeAnythingElseIsLookedAt) {
  Machine m; // requested 0: an aligned PLUG would get NACK
  EXPECT_EQ(m.send(PLUG, m.address(0) + 1, 1).type, ERROR);
  m.elastic.set_busy(true);
  EXPECT_EQ(m.send(PLUG, m.address(0) + 1, 1).type, ERROR);
}

TEST(Vmem19, NoBlocksAreAnError) {
  Machine m(grown());
  ASSERT_EQ(m.plug(0), ACK);
  for (const Type type : kRanged) EXPECT_EQ(m.send(type, m.address(0), 0).type, ERROR) << type;
}

TEST(Vmem20, BlocksOutsideTheUsableRegionAreAnError) {
  Machine m;
  m.resize(256 * MiB);
  const uint64_t gpa = m.get(ADDR);
  const uint64_t usable = m.get(USABLE_SIZE);
  ASSERT_LT(usable, GiB);
  const std::pair<uint64_t, uint16_t> bad[] = {
      {gpa - kBlock, 1},
      {gpa - kBlock, 2},
      {0, 1},
      {0, 65535},
      {gpa, 65535},
      {gpa, static_cast<uint16_t>(usable / kBlock + 1)},
      {gpa + usable, 1},
      {gpa + usable - kBlock, 2},
      {gpa + GiB - kBlock, 1},
      {gpa + GiB, 1},
      {UINT64_MAX - kBlock + 1, 1},
      {UINT64_MAX - kBlock + 1, 2},
      {UINT64_MAX - 65534 * kBlock, 65535},
      {uint64_t{1} << 63, 65535},
  };
  for (const Type type : kRanged) {
    for (const auto& [addr, count] : bad) {
      EXPECT_EQ(m.send(type, addr & ~(kBlock - 1), count).type, ERROR) << type << " " << addr << " " << count;
    }
  }
  EXPECT_EQ(m.get(PLUGGED_SIZE), 0u);
  EXPECT_EQ(m.query(usable / kBlock - 1).type, ACK) << "the last usable block is inside";
}

TEST(Vmem20, ABlockSizeThatMakesTheLengthOverflow) {
  const uint64_t block = uint64_t{1} << 48; // 65535 of them are more than 64 bits hold
  Machine m({.shape = {.gpa = 0, .bytes = block, .block_bytes = block, .slot_bytes = block}});
  m.resize(block);
  for (const Type type : kRanged) EXPECT_EQ(m.send(type, 0, 65535).type, ERROR) << type;
  EXPECT_EQ(m.query(0).state, UNPLUGGED);
}

TEST(Vmem21, PluggingAPluggedBlockIsAnError) {
  Machine m(grown());
  ASSERT_EQ(m.plug(4, 4), ACK);
  EXPECT_EQ(m.plug(4, 4), ERROR);
  EXPECT_EQ(m.plug(5), ERROR);
  EXPECT_EQ(m.plug(0, 5), ERROR) << "one of them is enough";
  EXPECT_EQ(m.plug(7, 2), ERROR);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 4 * kBlock);
  EXPECT_EQ(m.query(0, 4).state, UNPLUGGED) << "nothing of the refused requests was done";
}

TEST(Vmem22, UnpluggingAnUnpluggedBlockIsAnError) {
  Machine m(grown());
  ASSERT_EQ(m.plug(4, 4), ACK);
  EXPECT_EQ(m.unplug(0), ERROR);
  EXPECT_EQ(m.unplug(3, 2), ERROR);
  EXPECT_EQ(m.unplug(4, 5), ERROR);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 4 * kBlock);
  EXPECT_EQ(m.unplug(4, 4), ACK);
  EXPECT_EQ(m.unplug(4, 4), ERROR);
}

TEST(Vmem23, AFailedPlugLeavesNothingBehind) {
  // 100 blocks over two slots: reserving, two mappings and the commit can fail.
  for (unsigned step = 0; step < 4; ++step) {
    Machine m(grown());
    ASSERT_EQ(m.plug(200), ACK);
    const uint32_t mapped = static_cast<uint32_t>(m.elastic.mapped_slots());
    m.elastic.fail_next_plug(SPORE_E_NO_MEMORY, step);
    EXPECT_EQ(m.plug(0, 100), BUSY) << "step " << step;
    EXPECT_EQ(m.get(PLUGGED_SIZE), kBlock);
    EXPECT_EQ(m.query(0, 100).state, UNPLUGGED);
    EXPECT_EQ(m.elastic.mapped_slots(), mapped);
    EXPECT_EQ(m.plug(0, 100), ACK) << "the same request again, after step " << step;
    EXPECT_EQ(m.get(PLUGGED_SIZE), 101 * kBlock);
  }
}

TEST(Vmem23, AFailedUnplugLeavesEverything) {
  Machine m(grown());
  ASSERT_EQ(m.plug(0, 100), ACK);
  for (const spore_status status : {SPORE_E_BUSY, SPORE_E_IO, SPORE_E_NO_MEMORY, SPORE_E_INTERNAL}) {
    m.elastic.fail_next_unplug(status);
    EXPECT_EQ(m.unplug(0, 100), BUSY);
    EXPECT_EQ(m.query(0, 100).state, PLUGGED);
    EXPECT_EQ(m.get(PLUGGED_SIZE), 100 * kBlock);
  }
  EXPECT_EQ(m.unplug(0, 100), ACK);
}

TEST(Vmem24, PluggingMoreThanRequestedIsNacked) {
  Machine m;
  EXPECT_EQ(m.plug(0), NACK) << "nothing is requested";
  m.resize(4 * kBlock);
  EXPECT_EQ(m.plug(0, 5), NACK);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 0u) << "not a part of it either";
  EXPECT_EQ(m.plug(0, 4), ACK) << "exactly what is requested";
  EXPECT_EQ(m.plug(4), NACK);
}

TEST(Vmem24, TheRaceWithALoweredTarget) {
  Machine m;
  m.resize(64 * kBlock);
  ASSERT_EQ(m.plug(0, 32), ACK);
  // The driver, going by 64 blocks, has put its next request into the queue when the target falls.
  m.virtio.offer(0, {encode_request(PLUG, m.address(32), 32)}, {10});
  m.resize(48 * kBlock);
  m.device().notify(0);
  EXPECT_EQ(m.virtio.completions(0).back().data[0], NACK);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 32 * kBlock);
  EXPECT_EQ(m.plug(32, 16), ACK) << "the driver has reread the configuration";
}

TEST(Vmem24, AlsoFarBelowWhatIsPlugged) {
  Machine m;
  m.resize(64 * kBlock);
  ASSERT_EQ(m.plug(0, 64), ACK);
  m.resize(0);
  EXPECT_EQ(m.plug(64), NACK);
  m.resize(63 * kBlock);
  EXPECT_EQ(m.plug(64), NACK);
  m.resize(64 * kBlock);
  EXPECT_EQ(m.plug(64), NACK);
}

TEST(Vmem25, UnplugIsNeverNacked) {
  Machine m(grown());
  ASSERT_EQ(m.plug(0, 64), ACK);
  EXPECT_EQ(m.unplug(63), ACK) << "unplugging below the requested size is allowed";
  EXPECT_EQ(m.unplug(63), ERROR);
  m.elastic.set_busy(true);
  EXPECT_EQ(m.unplug(62), BUSY);
  m.elastic.set_busy(false);
  for (spore_status status = SPORE_E_INVALID; status <= SPORE_E_TIMEOUT; ++status) {
    m.elastic.fail_next_unplug(status);
    EXPECT_THAT(m.unplug(0), testing::AnyOf(ERROR, BUSY)) << "status " << status;
  }
  EXPECT_EQ(m.get(PLUGGED_SIZE), 63 * kBlock);
}

TEST(Vmem25, AHostInTroubleIsBusyAndNotTheDriversError) {
  // Linux takes ERROR for a broken device, and answers a NACK to PLUG by trying again at once and for ever.
  Machine m(grown());
  for (const spore_status status : {SPORE_E_BUSY, SPORE_E_NO_MEMORY, SPORE_E_IO, SPORE_E_PERMISSION}) {
    m.elastic.fail_next_plug(status);
    EXPECT_EQ(m.plug(0), BUSY) << "status " << status;
  }
  EXPECT_EQ(m.plug(0), ACK);
}

TEST(Vmem26, AfterBusyTheDriverIsWoken) {
  for (const Type type : {PLUG, UNPLUG, UNPLUG_ALL}) {
    Machine m(grown());
    ASSERT_EQ(m.plug(0, 8), ACK);
    m.elastic.set_busy(true);
    ASSERT_EQ(m.send(type, m.address(type == PLUG ? 8 : 0), 4).type, BUSY);
    const unsigned before = m.virtio.config_interrupts();
    m.elastic.set_busy(false);
    m.retry();
    EXPECT_EQ(m.virtio.config_interrupts(), before + 1) << "request type " << type;
    m.retry();
    EXPECT_EQ(m.virtio.config_interrupts(), before + 1) << "once";
  }
}

TEST(Vmem26, AlsoWhenTheHostHadNoMemory) {
  Machine m(grown());
  m.elastic.fail_next_plug(SPORE_E_NO_MEMORY, 1);
  ASSERT_EQ(m.plug(0), BUSY);
  const unsigned before = m.virtio.config_interrupts();
  m.retry();
  EXPECT_EQ(m.virtio.config_interrupts(), before + 1);
}

TEST(Vmem26, WhoWasNotTurnedAwayIsLeftInPeace) {
  Machine m(grown());
  const unsigned before = m.virtio.config_interrupts();
  m.retry();
  ASSERT_EQ(m.plug(0), ACK);
  m.retry();
  m.elastic.set_busy(true);
  ASSERT_EQ(m.plug(1), BUSY);
  m.device().reset();
  m.retry();
  m.start();
  m.retry();
  EXPECT_EQ(m.virtio.config_interrupts(), before) << "that driver has gone";
}

} // namespace
} // namespace vmem
