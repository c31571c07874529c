// VMEM-38: saved state is hostile, too. What is here needs no knowledge of the format; formats_test.cpp has the
// project's own.
#include "fixture.hpp"

namespace vmem {
namespace {

#define NEED_SAVED_STATE() \
  if (Machine().saved_state() == nullptr) GTEST_SKIP() << "the device does not offer " SPORE_SAVED_STATE_1

Bytes sample() {
  Machine m;
  m.resize(512 * MiB);
  EXPECT_EQ(m.plug(0, 3), ACK);
  EXPECT_EQ(m.plug(64, 32), ACK);
  EXPECT_EQ(m.plug(250), ACK);
  return m.save();
}

void expect_fresh(Machine& m) {
  EXPECT_EQ(m.elastic.plugged_bytes(), 0u);
  EXPECT_EQ(m.elastic.mapped_slots(), 0u);
  EXPECT_EQ(m.get(REQUESTED_SIZE), 0u);
  m.expect_consistent();
}

TEST(Vmem38, TheProjectsDeviceCanBeSaved) {
  if (third_party()) GTEST_SKIP() << "a device need not offer " SPORE_SAVED_STATE_1;
  EXPECT_NE(Machine().saved_state(), nullptr);
}

TEST(Vmem38, ARestoredDeviceGoesOnWhereItWas) {
  NEED_SAVED_STATE();
  const Bytes state = sample();
  Machine m({.shape = {.requested_bytes = 512 * MiB}, .start = false}); // the host knows what it requested
  ASSERT_EQ(m.restore(state), SPORE_OK);
  EXPECT_EQ(m.get(REQUESTED_SIZE), 512 * MiB);
  EXPECT_EQ(m.get(PLUGGED_SIZE), 36 * kBlock);
  m.expect_consistent();
  m.start();
  EXPECT_EQ(m.query(0, 3).state, PLUGGED);
  EXPECT_EQ(m.query(3, 61).state, UNPLUGGED);
  EXPECT_EQ(m.query(64, 32).state, PLUGGED);
  EXPECT_EQ(m.query(250).state, PLUGGED);
  EXPECT_EQ(m.save(), state) << "and saves as the same";
}

TEST(Vmem38, BlocksThatTheHostHasPluggedAlreadyAreAccepted) {
  NEED_SAVED_STATE();
  const Bytes state = sample();
  Machine m;
  m.resize(512 * MiB);
  ASSERT_EQ(m.plug(0, 3), ACK);
  ASSERT_EQ(m.plug(64, 32), ACK);
  ASSERT_EQ(m.plug(250), ACK);
  m.device().reset();
  EXPECT_EQ(m.restore(state), SPORE_OK);
}

TEST(Vmem38, OtherPluggedMemoryIsNot) {
  NEED_SAVED_STATE();
  const Bytes state = sample();
  Machine m;
  m.resize(64 * MiB);
  ASSERT_EQ(m.plug(5, 3), ACK);
  m.device().reset();
  EXPECT_NE(m.restore(state), SPORE_OK);
  EXPECT_EQ(m.elastic.plugged_bytes(), 3 * kBlock);
  EXPECT_EQ(m.get(REQUESTED_SIZE), 64 * MiB);
}

TEST(Vmem38, EveryTruncationIsRefused) {
  NEED_SAVED_STATE();
  const Bytes state = sample();
  Machine m({.start = false});
  for (size_t length = 0; length < state.size(); ++length) {
    EXPECT_NE(m.restore(Bytes(state.begin(), state.begin() + static_cast<ptrdiff_t>(length))), SPORE_OK) << length;
    expect_fresh(m);
  }
  Bytes longer = state;
  longer.push_back(0);
  EXPECT_NE(m.restore(longer), SPORE_OK);
  expect_fresh(m);
}

TEST(Vmem38, EveryFlippedBitIsRefusedWholeOrConsistent) {
  NEED_SAVED_STATE();
  const Bytes state = sample();
  unsigned refused = 0;
  for (size_t bit = 0; bit < state.size() * 8; ++bit) {
    Machine m({.start = false});
    Bytes bent = state;
    bent[bit / 8] = static_cast<uint8_t>(bent[bit / 8] ^ (1u << (bit % 8)));
    if (m.restore(bent) != SPORE_OK) {
      ++refused;
      expect_fresh(m);
    } else {
      m.expect_consistent();
      EXPECT_LE(m.elastic.plugged_bytes(), m.get(USABLE_SIZE));
    }
  }
  EXPECT_GT(refused, state.size() * 4) << "most of the state is checked against something";
}

TEST(Vmem38, AnotherMachinesStateIsRefused) {
  NEED_SAVED_STATE();
  const Bytes state = sample();
  std::vector<MachineSetup> others = {{.shape = {.block_bytes = 4 * MiB}, .start = false},
                                      {.shape = {.gpa = 8 * GiB}, .start = false},
                                      {.shape = {.bytes = 2 * GiB}, .start = false},
                                      {.shape = {.bytes = 512 * MiB}, .start = false}};
  if (!third_party()) others.push_back({.options = {{"/node-id", int64_t{1}}}, .start = false});
  for (const MachineSetup& setup : others) {
    Machine m(setup);
    EXPECT_NE(m.restore(state), SPORE_OK);
    expect_fresh(m);
  }
}

TEST(Vmem38, AHostThatCannotPlugItAllHasNothingPlugged) {
  NEED_SAVED_STATE();
  const Bytes state = sample();
  for (unsigned which = 0; which < 9; ++which) { // three runs of blocks, three steps each
    Machine m({.start = false});
    m.elastic.fail_next_plug(SPORE_E_NO_MEMORY, which % 3, which / 3);
    EXPECT_NE(m.restore(state), SPORE_OK);
    expect_fresh(m);
    EXPECT_EQ(m.restore(state), SPORE_OK) << "once the host can";
  }
}

TEST(Vmem38, ARunningDeviceIsNotOverwritten) {
  NEED_SAVED_STATE();
  const Bytes state = sample();
  Machine m;
  EXPECT_EQ(m.restore(state), SPORE_E_STATE);
  expect_fresh(m);
}

TEST(Vmem38, TheWakeOwedAfterBusyIsSavedToo) {
  NEED_SAVED_STATE();
  Machine m;
  m.resize(64 * MiB);
  m.elastic.set_busy(true); // as during the capture that saves it
  ASSERT_EQ(m.plug(0), BUSY);
  const Bytes state = m.save();
  Machine resumed({.shape = {.requested_bytes = 64 * MiB}, .start = false});
  ASSERT_EQ(resumed.restore(state), SPORE_OK);
  resumed.start();
  const unsigned before = resumed.virtio.config_interrupts();
  resumed.retry();
  EXPECT_EQ(resumed.virtio.config_interrupts(), before + 1);
}

} // namespace
} // namespace vmem
