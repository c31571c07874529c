#include "core/virtio/virtqueue.hpp"
#include "core/virtio/virtio_spec.hpp"
#include "tests/support/flat_memory.hpp"
#include "tests/support/virtio_driver.hpp"

#include <gmock/gmock.h>

#include <array>

namespace sporehost {
namespace {

using testing::DriverQueue;
using testing::FlatMemory;
using ::testing::HasSubstr;

constexpr uint64_t kRings = 0x1000;
constexpr uint64_t kData = 0x8000;
constexpr uint16_t kSize = 8;

class VirtqueueTest : public ::testing::TestWithParam<bool> { // parameter: event indices
 protected:
  void SetUp() override {
    const uint64_t features =
        virtio::kFeatureVersion1 | virtio::kFeatureIndirect | (GetParam() ? virtio::kFeatureEventIdx : 0);
    ASSERT_TRUE(queue_.start(setup(), features).ok());
  }
  QueueSetup setup() const { return {kSize, driver_.descriptors(), driver_.available(), driver_.used()}; }
  Virtqueue::Pop pop(spore_chain& chain) { return queue_.pop(++serial_, chain); }
  spore_chain must_pop() {
    spore_chain chain{};
    EXPECT_EQ(pop(chain), Virtqueue::Pop::kChain);
    return chain;
  }
  Virtqueue::Pop pop_nothing() {
    spore_chain chain{};
    return pop(chain);
  }

  FlatMemory memory_{0x10000};
  DriverQueue driver_{memory_, kRings, kSize, GetParam()};
  Virtqueue queue_{memory_, 3, 256};
  uint64_t serial_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Split, VirtqueueTest, ::testing::Values(false, true),
                         [](const auto& mode) { return mode.param ? "EventIndex" : "Flags"; });

TEST_P(VirtqueueTest, CarriesARequestThereAndBack) {
  memory_.put<uint32_t>(kData, 0x12345678);
  const uint16_t head = driver_.add({{kData, 4, false}, {kData + 16, 8, true}});
  const spore_chain chain = must_pop();
  EXPECT_EQ(chain.queue, 3);
  EXPECT_EQ(chain.head, head);
  EXPECT_EQ(chain.readable_bytes, 4u);
  EXPECT_EQ(chain.writable_bytes, 8u);
  std::array<uint8_t, 4> data{};
  EXPECT_EQ(queue_.read(chain, 0, data), SPORE_OK);
  EXPECT_EQ(data[0], 0x78);
  EXPECT_EQ(queue_.write(chain, 4, data), SPORE_OK);
  EXPECT_FALSE(driver_.take_used());
  EXPECT_TRUE(queue_.push(chain, 8));
  const auto used = driver_.take_used();
  ASSERT_TRUE(used);
  EXPECT_EQ(used->id, head);
  EXPECT_EQ(used->length, 8u);
  EXPECT_EQ(memory_.get<uint32_t>(kData + 20), 0x12345678u);
  EXPECT_EQ(pop_nothing(), Virtqueue::Pop::kEmpty);
}

TEST_P(VirtqueueTest, IndicesWrapAround) {
  for (int i = 0; i < 70000; ++i) {
    const uint16_t head = driver_.add({{kData, 1, true}});
    ASSERT_TRUE(driver_.should_kick()) << i; // the queue was drained before
    const spore_chain chain = must_pop();
    ASSERT_EQ(pop_nothing(), Virtqueue::Pop::kEmpty);
    driver_.want_interrupt(true);
    ASSERT_TRUE(queue_.push(chain, 1));
    ASSERT_TRUE(queue_.take_interrupt()) << i;
    ASSERT_EQ(driver_.take_used()->id, head);
  }
}

TEST_P(VirtqueueTest, ChainsMayComeBackInAnyOrder) {
  const uint16_t a = driver_.add({{kData, 1, true}});
  const uint16_t b = driver_.add_indirect({{kData, 1, false}, {kData, 1, true}}, kData + 0x100);
  const spore_chain first = must_pop(), second = must_pop();
  EXPECT_TRUE(queue_.push(second, 0));
  EXPECT_TRUE(queue_.push(first, 0));
  EXPECT_EQ(driver_.take_used()->id, b);
  EXPECT_EQ(driver_.take_used()->id, a);
}

TEST_P(VirtqueueTest, OwnershipIsBySerial) {
  driver_.add({{kData, 4, true}});
  const spore_chain chain = must_pop();
  std::array<uint8_t, 1> byte{};
  spore_chain forged = chain;
  forged.serial += 1;
  EXPECT_EQ(queue_.write(forged, 0, byte), SPORE_E_STATE);
  EXPECT_FALSE(queue_.push(forged, 0));
  forged = chain;
  forged.head = kSize;
  EXPECT_EQ(queue_.read(forged, 0, byte), SPORE_E_STATE);
  forged = {};
  EXPECT_FALSE(queue_.push(forged, 0));
  EXPECT_TRUE(queue_.push(chain, 0));
  EXPECT_FALSE(queue_.push(chain, 0)) << "a chain is given back once";
  EXPECT_EQ(queue_.write(chain, 0, byte), SPORE_E_STATE);
  EXPECT_EQ(driver_.used_index(), 1);
}

TEST_P(VirtqueueTest, AChainFromBeforeAResetIsVoid) {
  driver_.add({{kData, 4, true}});
  const spore_chain old = must_pop();
  queue_.stop();
  EXPECT_FALSE(queue_.push(old, 4));
  memory_.put<uint32_t>(driver_.available(), 0);
  ASSERT_TRUE(queue_.start(setup(), virtio::kFeatureVersion1).ok());
  driver_.set_available_index(0);
  driver_.make_available(old.head);
  const spore_chain fresh = must_pop();
  EXPECT_EQ(fresh.head, old.head);
  EXPECT_FALSE(queue_.push(old, 4));
  EXPECT_EQ(driver_.used_index(), 0);
  EXPECT_TRUE(queue_.push(fresh, 4));
}

TEST_P(VirtqueueTest, WrittenIsCutToTheWritablePart) {
  driver_.add({{kData, 4, true}});
  queue_.push(must_pop(), 0xffffffff);
  EXPECT_EQ(driver_.take_used()->length, 4u);
}

TEST_P(VirtqueueTest, AMalformedChainComesBackEmptyAndTheQueueGoesOn) {
  driver_.set_descriptor(5, {0xffffffff0000, 16, virtio::kDescWrite, 0}, 0);
  driver_.make_available(5);
  driver_.add({{kData, 4, true}});
  EXPECT_EQ(pop_nothing(), Virtqueue::Pop::kDropped);
  EXPECT_THAT(queue_.fault(), HasSubstr("guest memory"));
  const auto used = driver_.take_used();
  ASSERT_TRUE(used);
  EXPECT_EQ(used->id, 5u);
  EXPECT_EQ(used->length, 0u);
  EXPECT_TRUE(queue_.take_interrupt());
  must_pop();
  EXPECT_EQ(queue_.broken(), nullptr);
}

TEST_P(VirtqueueTest, AHeadBeyondTheTableIsSkipped) {
  driver_.make_available(kSize);
  driver_.make_available(0xffff);
  driver_.add({{kData, 4, true}});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(pop_nothing(), Virtqueue::Pop::kDropped);
    EXPECT_THAT(queue_.fault(), HasSubstr("beyond the table"));
    EXPECT_THAT(queue_.fault(), HasSubstr("available ring"));
  }
  EXPECT_FALSE(driver_.take_used()) << "there is no descriptor to give back";
  must_pop();
}

TEST_P(VirtqueueTest, AHeadThatTheDeviceStillHasIsNotTakenTwice) {
  const uint16_t head = driver_.add({{kData, 4, true}});
  const spore_chain chain = must_pop();
  driver_.make_available(head);
  EXPECT_EQ(pop_nothing(), Virtqueue::Pop::kDropped);
  EXPECT_EQ(driver_.used_index(), 0);
  EXPECT_TRUE(queue_.push(chain, 1));
  EXPECT_EQ(driver_.used_index(), 1);
}

TEST_P(VirtqueueTest, AnIndexThatJumpsBreaksTheQueue) {
  driver_.set_available_index(kSize); // as far as it can go
  EXPECT_NE(pop_nothing(), Virtqueue::Pop::kBroken);
  driver_.set_available_index(kSize + 2);
  for (int i = 1; i < kSize; ++i) EXPECT_NE(pop_nothing(), Virtqueue::Pop::kBroken);
  driver_.set_available_index(2 * kSize + 1);
  EXPECT_EQ(pop_nothing(), Virtqueue::Pop::kBroken);
  EXPECT_THAT(queue_.broken(), HasSubstr("jumped"));
  driver_.set_available_index(kSize + 1);
  EXPECT_EQ(pop_nothing(), Virtqueue::Pop::kBroken) << "it stays broken";
}

TEST_P(VirtqueueTest, AnIndexThatGoesBackBreaksTheQueue) {
  driver_.add({{kData, 1, true}});
  driver_.add({{kData, 1, true}});
  must_pop(), must_pop();
  driver_.set_available_index(1);
  EXPECT_EQ(pop_nothing(), Virtqueue::Pop::kBroken);
}

TEST_P(VirtqueueTest, RingMemoryThatWentAwayBreaksTheQueue) {
  driver_.add({{kData, 1, true}});
  const spore_chain chain = must_pop();
  driver_.add({{kData, 1, true}});
  memory_.punch(kRings, 0x1000);
  EXPECT_TRUE(queue_.push(chain, 1));
  EXPECT_NE(queue_.broken(), nullptr);
  EXPECT_FALSE(queue_.take_interrupt());
  EXPECT_EQ(pop_nothing(), Virtqueue::Pop::kBroken);
}

TEST_P(VirtqueueTest, StartChecksSizeAlignmentAndPlace) {
  const QueueSetup good = setup();
  const auto status = [&](auto change) {
    QueueSetup bad = good;
    change(bad);
    Virtqueue queue(memory_, 0, 256);
    const auto result = queue.start(bad, virtio::kFeatureVersion1 | virtio::kFeatureEventIdx);
    EXPECT_EQ(queue.ready(), result.ok());
    return result.ok() ? static_cast<spore_status>(SPORE_OK) : result.error().status;
  };
  EXPECT_EQ(status([](QueueSetup&) {}), SPORE_OK);
  for (uint32_t size : {0u, 3u, 512u, 65536u, 0x80000000u, 0xffffffffu}) {
    EXPECT_EQ(status([&](QueueSetup& s) { s.size = size; }), SPORE_E_INVALID) << size;
  }
  EXPECT_EQ(status([](QueueSetup& s) { s.descriptors += 8; }), SPORE_E_INVALID);
  EXPECT_EQ(status([](QueueSetup& s) { s.available += 1; }), SPORE_E_INVALID);
  EXPECT_EQ(status([](QueueSetup& s) { s.used += 2; }), SPORE_E_INVALID);
  EXPECT_EQ(status([](QueueSetup& s) { s.descriptors = 0x10000 - 16; }), SPORE_E_RANGE);
  EXPECT_EQ(status([](QueueSetup& s) { s.available = 0x10000 - 6 - 2 * kSize + 2; }), SPORE_E_RANGE);
  EXPECT_EQ(status([](QueueSetup& s) { s.used = 0x10000 - 8 * kSize - 4; }), SPORE_E_RANGE);
  EXPECT_EQ(status([](QueueSetup& s) { s.descriptors = UINT64_MAX - 15; }), SPORE_E_RANGE);
}

TEST_P(VirtqueueTest, TheDriverNeedNotRingWhileTheDeviceIsAtWork) {
  driver_.add({{kData, 1, true}});
  EXPECT_TRUE(driver_.should_kick());
  must_pop();
  driver_.add({{kData, 1, true}});
  EXPECT_FALSE(driver_.should_kick()) << "the device will look again";
  must_pop();
  EXPECT_EQ(pop_nothing(), Virtqueue::Pop::kEmpty);
  driver_.add({{kData, 1, true}});
  EXPECT_TRUE(driver_.should_kick()) << "the device had found the queue empty";
}

TEST_P(VirtqueueTest, AnEntryThatSlipsInWhileTheBellIsSwitchedOnIsFound) {
  // Adds an entry at the very moment the device announces that it wants the bell: the driver, who looked before, does
  // not ring.
  class Racing : public FlatMemory {
   public:
    using FlatMemory::FlatMemory;
    spore_status store_u16(uint64_t gpa, uint16_t value) override {
      const spore_status status = FlatMemory::store_u16(gpa, value);
      if (gpa == trigger && action) std::exchange(action, {})();
      return status;
    }
    uint64_t trigger = 0;
    std::function<void()> action;
  } memory(0x10000);
  DriverQueue driver(memory, kRings, kSize, GetParam());
  Virtqueue queue(memory, 0, kSize);
  const uint64_t features = virtio::kFeatureVersion1 | (GetParam() ? virtio::kFeatureEventIdx : 0);
  ASSERT_TRUE(queue.start({kSize, driver.descriptors(), driver.available(), driver.used()}, features).ok());
  driver.add({{kData, 1, true}});
  spore_chain chain{};
  ASSERT_EQ(queue.pop(1, chain), Virtqueue::Pop::kChain);
  memory.trigger = GetParam() ? driver.used() + 4 + 8ull * kSize : driver.used();
  memory.action = [&] { driver.add({{kData, 1, true}}); };
  EXPECT_EQ(queue.pop(2, chain), Virtqueue::Pop::kChain);
  EXPECT_FALSE(memory.action) << "the race did not happen";
}

TEST_P(VirtqueueTest, InterruptsAsTheDriverWishes) {
  for (int i = 0; i < 4; ++i) driver_.add({{kData, 1, true}});
  const spore_chain a = must_pop(), b = must_pop(), c = must_pop(), d = must_pop();
  EXPECT_FALSE(queue_.take_interrupt()) << "nothing was given back";
  queue_.push(a, 0);
  EXPECT_TRUE(queue_.take_interrupt());
  EXPECT_FALSE(queue_.take_interrupt()) << "one interrupt for what was given back";
  driver_.want_interrupt(false);
  queue_.push(b, 0);
  EXPECT_FALSE(queue_.take_interrupt());
  while (driver_.take_used()) {
  }
  driver_.want_interrupt(true);
  queue_.push(c, 0);
  queue_.push(d, 0);
  EXPECT_TRUE(queue_.take_interrupt());
}

TEST_P(VirtqueueTest, AnEventIndexAheadDelaysTheInterrupt) {
  for (int i = 0; i < 3; ++i) driver_.add({{kData, 1, true}});
  driver_.want_interrupt(true, 3); // without event indices: at once
  for (int given_back = 1; given_back <= 3; ++given_back) {
    queue_.push(must_pop(), 0);
    EXPECT_EQ(queue_.take_interrupt(), !GetParam() || given_back == 3) << given_back;
  }
}

TEST(VirtqueueLimits, SegmentsInFlightAreBounded) {
  constexpr uint16_t kLarge = 1024;
  FlatMemory memory(1 << 20);
  Virtqueue queue(memory, 0, kLarge);
  DriverQueue driver(memory, 0x1000, kLarge);
  ASSERT_TRUE(queue
                  .start({kLarge, driver.descriptors(), driver.available(), driver.used()},
                         virtio::kFeatureVersion1 | virtio::kFeatureIndirect)
                  .ok());
  const std::vector<DriverQueue::Buffer> buffers(kLarge, {0x80000, 1, true});
  for (int i = 0; i < kLarge; ++i) driver.add_indirect(buffers, 0x40000);
  int taken = 0, dropped = 0;
  spore_chain chain{};
  for (int i = 0; i < kLarge; ++i) {
    (queue.pop(static_cast<uint64_t>(i) + 1, chain) == Virtqueue::Pop::kChain ? taken : dropped) += 1;
  }
  EXPECT_EQ(taken, 256);
  EXPECT_EQ(dropped, kLarge - 256);
  EXPECT_THAT(queue.fault(), HasSubstr("in flight"));
}

} // namespace
} // namespace sporehost
