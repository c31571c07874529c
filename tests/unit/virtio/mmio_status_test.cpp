// The status machine, feature negotiation and resets.
#include "tests/support/echo_device.hpp"

#include <gmock/gmock.h>

namespace sporehost {
namespace {

using namespace virtio;
using ::testing::Contains;
using testing::EchoMachine;
using ::testing::HasSubstr;

constexpr uint32_t kAll = kStatusAcknowledge | kStatusDriver | kStatusFeaturesOk | kStatusDriverOk;

TEST(MmioStatus, OneStepAfterTheOther) {
  EchoMachine m;
  ASSERT_TRUE(m.start(EchoMachine::kBasic | 1u << 3));
  EXPECT_EQ(m.driver().status(), kAll);
  EXPECT_EQ(m.record.activations, 1);
  EXPECT_EQ(m.record.active_features, EchoMachine::kBasic | 1u << 3);
}

TEST(MmioStatus, OutOfOrderBitsAreNotTaken) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  for (uint32_t bit : {kStatusDriver, kStatusFeaturesOk, kStatusDriverOk}) {
    m.driver().write(kMmioStatus, bit);
    EXPECT_EQ(m.driver().status(), 0u);
  }
  m.driver().add_status(kStatusAcknowledge);
  m.driver().add_status(kStatusFeaturesOk);
  EXPECT_EQ(m.driver().status(), kStatusAcknowledge);
  m.driver().add_status(kStatusDriver);
  m.driver().add_status(kStatusDriverOk);
  EXPECT_EQ(m.driver().status(), kStatusAcknowledge | kStatusDriver);
  EXPECT_EQ(m.record.activations, 0);
  EXPECT_EQ(m.host().counters().violations, 5u);
}

TEST(MmioStatus, SeveralBitsAtOnceAreTakenInOrder) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  m.driver().choose(EchoMachine::kBasic);
  m.driver().write(kMmioStatus, kAll);
  EXPECT_EQ(m.driver().status(), kAll);
  m.driver().reset();
  m.driver().write(kMmioStatus, kAll); // without VERSION_1: stops at FEATURES_OK
  EXPECT_EQ(m.driver().status(), kStatusAcknowledge | kStatusDriver);
}

TEST(MmioStatus, BitsAreOnlyAdded) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  m.driver().write(kMmioStatus, kStatusAcknowledge);
  EXPECT_EQ(m.driver().status(), kAll);
  EXPECT_EQ(m.host().counters().violations, 1u);
}

TEST(MmioStatus, UnknownBitsAndNeedsResetAreNotTheDriversToSet) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  m.driver().write(kMmioStatus, kStatusAcknowledge | kStatusNeedsReset | 0xffffff00u);
  EXPECT_EQ(m.driver().status(), kStatusAcknowledge);
}

TEST(MmioStatus, FeaturesThatCannotBeAreRefused) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  EXPECT_FALSE(m.driver().negotiate(0)) << "VERSION_1 is missing";
  EXPECT_FALSE(m.driver().negotiate(EchoMachine::kBasic | 1)) << "bit 0 was not offered";
  EXPECT_FALSE(m.driver().negotiate(EchoMachine::kBasic | uint64_t{1} << 33)) << "bit 33 was not offered";
  m.record.accept = false;
  EXPECT_FALSE(m.driver().negotiate(EchoMachine::kBasic)) << "the personality refused";
  m.driver().add_status(kStatusDriverOk);
  EXPECT_EQ(m.driver().status(), kStatusAcknowledge | kStatusDriver);
  m.record.accept = true;
  EXPECT_TRUE(m.driver().negotiate(EchoMachine::kBasic));
}

TEST(MmioStatus, FeatureBitsBeyond63AreRefused) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  m.driver().write(kMmioStatus, kStatusAcknowledge | kStatusDriver);
  m.driver().choose(EchoMachine::kBasic);
  m.driver().write(kMmioDriverFeaturesSel, 2u);
  m.driver().write(kMmioDriverFeatures, 0u); // Linux clears the words it does not know: harmless
  m.driver().write(kMmioDriverFeaturesSel, 7u);
  m.driver().write(kMmioDriverFeatures, 1u);
  m.driver().add_status(kStatusFeaturesOk);
  EXPECT_EQ(m.driver().status(), kStatusAcknowledge | kStatusDriver);
}

TEST(MmioStatus, FeaturesAreLockedByFeaturesOk) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  ASSERT_TRUE(m.driver().negotiate(EchoMachine::kBasic));
  m.driver().choose(EchoMachine::kBasic | kFeatureEventIdx | 1u << 3);
  EXPECT_EQ(m.host().counters().violations, 2u);
  m.driver().driver_ok();
  EXPECT_EQ(m.record.active_features, EchoMachine::kBasic);
}

TEST(MmioStatus, ResetClearsEverythingButTheGeneration) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  {
    const std::lock_guard lock(m.host());
    m.device().config_changed();
  }
  const uint32_t generation = m.driver().read(kMmioConfigGeneration);
  EXPECT_NE(generation, 0u);
  EXPECT_EQ(m.driver().read(kMmioInterruptStatus), kInterruptConfig);
  const int resets = m.record.resets;
  m.driver().reset();
  EXPECT_EQ(m.driver().status(), 0u);
  EXPECT_EQ(m.driver().read(kMmioInterruptStatus), 0u);
  EXPECT_EQ(m.driver().read(kMmioQueueReady), 0u);
  EXPECT_EQ(m.record.resets, resets + 1);
  EXPECT_EQ(m.driver().read(kMmioConfigGeneration), generation) << "VMEM-10";
}

TEST(MmioStatus, ADeviceWorksAgainAfterAReset) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  m.queue(1).add({{EchoMachine::kBuffers, 4, true}});
  m.driver().kick(1);
  ASSERT_EQ(m.record.held.size(), 1u);
  ASSERT_TRUE(m.driver().negotiate(EchoMachine::kBasic));
  std::ranges::fill(m.memory.bytes(), uint8_t{0});
  m.set_up_queues(EchoMachine::kBasic, 8);
  m.driver().driver_ok();
  {
    const std::lock_guard lock(m.host());
    std::array<uint8_t, 4> data{1, 2, 3, 4};
    EXPECT_EQ(m.device().write(m.record.held[0], 0, data.data(), data.size()), SPORE_E_STATE);
    m.device().push(m.record.held[0], 4);
  }
  EXPECT_EQ(m.queue(1).used_index(), 0) << "a chain from before the reset has no effect";
  EXPECT_EQ(m.memory.get<uint32_t>(EchoMachine::kBuffers), 0u);
  m.queue(0).add({{EchoMachine::kBuffers, 4, false}, {EchoMachine::kBuffers + 8, 4, true}});
  m.driver().kick(0);
  EXPECT_TRUE(m.queue(0).take_used());
}

TEST(MmioStatus, AFailingActivationNeedsAReset) {
  EchoMachine m;
  m.record.activate_fails = true;
  EXPECT_FALSE(m.start());
  EXPECT_EQ(m.driver().status(), kAll | kStatusNeedsReset);
  EXPECT_EQ(m.driver().read(kMmioInterruptStatus), kInterruptConfig);
  EXPECT_EQ(m.pulses, 1);
  EXPECT_THAT(m.log, Contains(HasSubstr("told to fail")));
  m.driver().kick(0);
  EXPECT_EQ(m.record.notifications, 0);
  m.record.activate_fails = false;
  ASSERT_TRUE(m.driver().negotiate(EchoMachine::kBasic));
  m.driver().driver_ok();
  EXPECT_EQ(m.driver().status(), kAll);
}

TEST(MmioStatus, ACorruptRingNeedsAResetAndTheDriverIsTold) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  m.queue().set_available_index(1000);
  m.driver().kick(0);
  EXPECT_EQ(m.driver().status(), kAll | kStatusNeedsReset);
  EXPECT_EQ(m.driver().take_interrupts(), kInterruptConfig);
  EXPECT_EQ(m.pulses, 1);
  EXPECT_EQ(m.host().counters().needs_reset, 1u);
  m.driver().kick(0);
  m.driver().kick(1);
  EXPECT_EQ(m.record.notifications, 1) << "nothing is served any more";
  m.driver().add_status(0); // read, modify, write with the bit in it
  EXPECT_EQ(m.driver().status(), kAll | kStatusNeedsReset);
}

TEST(MmioStatus, AFailedDriverIsNotServed) {
  EchoMachine m;
  ASSERT_TRUE(m.start());
  m.driver().add_status(kStatusFailed);
  EXPECT_EQ(m.driver().status(), kAll | kStatusFailed);
  m.driver().kick(0);
  EXPECT_EQ(m.record.notifications, 0);
}

TEST(MmioStatus, NothingIsServedBeforeDriverOkButNothingIsLostEither) {
  EchoMachine m;
  ASSERT_TRUE(m.attach().ok());
  ASSERT_TRUE(m.driver().negotiate(EchoMachine::kBasic));
  m.set_up_queues(EchoMachine::kBasic, 16);
  m.queue(0).add({{EchoMachine::kBuffers, 4, false}, {EchoMachine::kBuffers + 8, 4, true}});
  m.driver().kick(0);
  m.transport().service_queue(0);
  EXPECT_EQ(m.record.notifications, 0);
  m.driver().driver_ok();
  EXPECT_EQ(m.record.notifications, 1);
  EXPECT_TRUE(m.queue(0).take_used());
}

} // namespace
} // namespace sporehost
