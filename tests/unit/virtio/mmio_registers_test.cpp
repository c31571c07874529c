#include "tests/support/echo_device.hpp"

#include <gtest/gtest.h>

namespace sporehost {
namespace {

using namespace virtio;
using testing::DriverQueue;
using testing::EchoDevice;
using testing::EchoMachine;

TEST(MmioRegisters, SayWhatTheDeviceIs) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  EXPECT_EQ(m.driver().read(kMmioMagicValue), 0x74726976u);
  EXPECT_EQ(m.driver().read(kMmioVersion), 2u);
  EXPECT_EQ(m.driver().read(kMmioDeviceId), EchoDevice::kDeviceId);
  EXPECT_EQ(m.driver().offered(), (1u << 3) | kFeatureVersion1 | kFeatureIndirect | kFeatureEventIdx);
  m.driver().write(kMmioDeviceFeaturesSel, 2u);
  EXPECT_EQ(m.driver().read(kMmioDeviceFeatures), 0u);
}

TEST(MmioRegisters, AnEmptyTransportIsAPlaceholder) {
  EchoMachine m;
  EXPECT_EQ(m.driver().read(kMmioDeviceId), 0u);
  m.driver().add_status(kStatusAcknowledge);
  m.driver().kick(0);
  m.transport().service_queue(0);
  m.driver().reset();
  EXPECT_EQ(m.driver().status(), 0u);
}

TEST(MmioRegisters, NoSharedMemoryRegions) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  m.driver().write(kMmioShmSel, 0u);
  for (uint64_t offset : {kMmioShmLenLow, kMmioShmLenHigh, kMmioShmBaseLow, kMmioShmBaseHigh}) {
    EXPECT_EQ(m.driver().read(offset), 0xffffffffu);
  }
}

TEST(MmioRegisters, WrongWidthsReadZeroAndDoNothing) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  EXPECT_EQ(m.driver().read<uint8_t>(kMmioMagicValue), 0);
  EXPECT_EQ(m.driver().read<uint16_t>(kMmioMagicValue), 0);
  EXPECT_EQ(m.driver().read<uint64_t>(kMmioMagicValue), 0u);
  EXPECT_EQ(m.driver().read<uint32_t>(kMmioMagicValue + 2), 0u);
  m.driver().write<uint8_t>(kMmioStatus, kStatusAcknowledge);
  m.driver().write<uint64_t>(kMmioStatus, kStatusAcknowledge);
  EXPECT_EQ(m.driver().status(), 0u);
  EXPECT_EQ(m.host().counters().violations, 6u);
  // What straddles the registers' end is no register either.
  EXPECT_EQ(m.driver().read<uint64_t>(kMmioConfigGeneration), 0u);
  EXPECT_EQ(m.host().counters().violations, 7u);
}

TEST(MmioRegisters, WrongDirectionsAndHolesAreCounted) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  EXPECT_EQ(m.driver().read(kMmioQueueNotify), 0u);
  EXPECT_EQ(m.driver().read(kMmioQueueDescLow), 0u);
  EXPECT_EQ(m.driver().read(0x0f8), 0u);
  m.driver().write(kMmioMagicValue, 1u);
  m.driver().write(0x0f8, 1u);
  EXPECT_EQ(m.host().counters().violations, 5u);
  EXPECT_EQ(m.driver().read(kMmioMagicValue), kMmioMagic);
}

TEST(MmioRegisters, ConfigurationSpaceAtAnyWidthAndOffset) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  for (size_t i = 0; i < m.record.config.size(); ++i) m.record.config[i] = static_cast<uint8_t>(i + 1);
  EXPECT_EQ(m.driver().read<uint8_t>(kMmioConfig), 0x01);
  EXPECT_EQ(m.driver().read<uint16_t>(kMmioConfig + 1), 0x0302);
  EXPECT_EQ(m.driver().read<uint32_t>(kMmioConfig + 3), 0x07060504u);
  EXPECT_EQ(m.driver().read<uint64_t>(kMmioConfig + 1), 0x0908070605040302u);
  EXPECT_EQ(m.driver().read<uint64_t>(kMmioConfig + 8), 0x0c0b0a09u) << "beyond the end: zero";
  EXPECT_EQ(m.driver().read<uint32_t>(kMmioConfig + 12), 0u);
  EXPECT_EQ(m.driver().read<uint32_t>(UINT64_MAX - 3), 0u);
  m.driver().write<uint32_t>(kMmioConfig + 10, 0xaabbccdd);
  EXPECT_EQ(m.record.config[10], 0xdd);
  EXPECT_EQ(m.record.config[11], 0xcc);
  m.driver().write<uint8_t>(kMmioConfig + 12, 1);
  EXPECT_EQ(m.host().counters().violations, 0u);
}

TEST(MmioRegisters, QueueSelectorsBeyondTheQueues) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  ASSERT_TRUE(m.driver().negotiate(EchoMachine::kBasic));
  for (uint32_t index : {2u, 64u, 0x80000000u, 0xffffffffu}) {
    m.driver().write(kMmioQueueSel, index);
    EXPECT_EQ(m.driver().read(kMmioQueueNumMax), 0u);
    EXPECT_EQ(m.driver().read(kMmioQueueReady), 0u);
    DriverQueue queue(m.memory, EchoMachine::kRings, 16);
    EXPECT_FALSE(m.driver().set_up_queue(index, queue));
    m.driver().kick(index);
    m.transport().service_queue(index);
  }
  m.driver().write(kMmioQueueSel, 1u);
  EXPECT_EQ(m.driver().read(kMmioQueueNumMax), 16u);
  EXPECT_EQ(m.record.notifications, 0);
}

TEST(MmioRegisters, ABadQueueIsNotMadeReady) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  ASSERT_TRUE(m.driver().negotiate(EchoMachine::kBasic));
  const DriverQueue q(m.memory, EchoMachine::kRings, 16);
  EXPECT_FALSE(m.driver().set_up_queue(0, 32, q.descriptors(), q.available(), q.used()));
  EXPECT_FALSE(m.driver().set_up_queue(0, 15, q.descriptors(), q.available(), q.used()));
  EXPECT_FALSE(m.driver().set_up_queue(0, 16, q.descriptors() + 1, q.available(), q.used()));
  EXPECT_FALSE(m.driver().set_up_queue(0, 16, q.descriptors() | uint64_t{1} << 40, q.available(), q.used()));
  EXPECT_EQ(m.host().counters().violations, 4u);
  EXPECT_TRUE(m.driver().set_up_queue(0, q)) << "and may be set right";
}

TEST(MmioRegisters, QueueRegistersAreLockedOnceReadyAndAfterDriverOk) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  m.memory.put<uint32_t>(EchoMachine::kBuffers, 77);
  const uint64_t elsewhere = 0x20000;
  for (uint64_t offset : {kMmioQueueDescLow, kMmioQueueDriverLow, kMmioQueueDeviceLow}) {
    m.driver().write(kMmioQueueSel, 0u);
    m.driver().write(offset, static_cast<uint32_t>(elsewhere));
  }
  m.driver().write(kMmioQueueNum, 1u);
  m.driver().write(kMmioQueueReady, 1u);
  EXPECT_EQ(m.host().counters().violations, 4u) << "QueueReady := 1 on a ready queue is harmless";
  m.queue().add({{EchoMachine::kBuffers, 4, false}, {EchoMachine::kBuffers + 8, 4, true}});
  m.driver().kick(0);
  EXPECT_TRUE(m.queue().take_used()) << "the queue still lies where it was";
  EXPECT_EQ(m.memory.get<uint32_t>(EchoMachine::kBuffers + 8), 77u);

  m.driver().write(kMmioQueueReady, 0u);
  EXPECT_EQ(m.driver().read(kMmioQueueReady), 0u);
  m.driver().write(kMmioQueueReady, 1u);
  EXPECT_EQ(m.driver().read(kMmioQueueReady), 0u) << "no way back without a reset";
}

TEST(MmioRegisters, AQueueCanBeStoppedAndSetUpAgainBeforeDriverOk) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  ASSERT_TRUE(m.driver().negotiate(EchoMachine::kBasic));
  const DriverQueue q(m.memory, EchoMachine::kRings, 16);
  ASSERT_TRUE(m.driver().set_up_queue(0, q));
  m.driver().write(kMmioQueueDescLow, 0x20000u);
  EXPECT_EQ(m.host().counters().violations, 1u) << "a ready queue's registers are locked already";
  m.driver().write(kMmioQueueReady, 0u);
  EXPECT_EQ(m.driver().read(kMmioQueueReady), 0u);
  EXPECT_TRUE(m.driver().set_up_queue(0, q));
}

TEST(MmioRegisters, QueuesAreSetUpAfterFeaturesOkOnly) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  const DriverQueue q(m.memory, EchoMachine::kRings, 16);
  EXPECT_FALSE(m.driver().set_up_queue(0, q));
  m.driver().add_status(kStatusAcknowledge);
  m.driver().add_status(kStatusDriver);
  EXPECT_FALSE(m.driver().set_up_queue(0, q));
}

} // namespace
} // namespace sporehost
