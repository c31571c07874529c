// Several vCPUs, and whose thread is whose.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/guests/guest_test.hpp"

namespace guests {
namespace {

using ::testing::HasSubstr;

TEST_F(GuestTest, BootProcessorStartsTheSecond) {
  boot("smp", 2);
  spore::Result<void> created;
  std::optional<spore::testing::BackendExit> second_exit;
  std::atomic<bool> ready{false};
  std::thread second([&] {
    created = machine.create_vcpu(1);
    ready = true;
    if (!created) return;
    second_exit = machine.run(1);
    machine.backend().destroy_vcpu(1);
  });
  while (!ready) std::this_thread::yield();
  const bool done = machine.run_to_done();
  machine.backend().kick(1);
  second.join();
  ASSERT_TRUE(created) << created.error().text;
  ASSERT_TRUE(done) << machine.error();
  EXPECT_EQ(machine.ram().at<uint32_t>(kResults), 0xc0ffeeU);
  EXPECT_EQ(machine.marks(), 1);
  ASSERT_TRUE(second_exit) << machine.error();
  EXPECT_EQ(second_exit->reason, static_cast<uint32_t>(SPORE_EXIT_KICKED));
}

TEST_F(GuestTest, AWaitingVcpuCanBeKicked) {
  ASSERT_TRUE(machine.open(2));
  std::optional<spore::testing::BackendExit> exit;
  std::thread second([&] {
    EXPECT_TRUE(machine.create_vcpu(1));
    exit = machine.run(1);
    machine.backend().destroy_vcpu(1);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  machine.backend().kick(1);
  second.join();
  ASSERT_TRUE(exit) << machine.error();
  EXPECT_EQ(exit->reason, static_cast<uint32_t>(SPORE_EXIT_KICKED));
}

TEST_F(GuestTest, AVcpuBelongsToItsThread) {
  boot("spin");
  std::thread([&] {
    const auto exit = machine.backend().run(0);
    ASSERT_FALSE(exit);
    EXPECT_EQ(exit.error().status, SPORE_E_STATE);
    EXPECT_THAT(exit.error().text, HasSubstr("thread"));
  }).join();
}

TEST_F(GuestTest, VcpusThatCannotBeAreRefused) {
  EXPECT_EQ(machine.open(0).error().status, SPORE_E_RANGE);
  EXPECT_EQ(machine.open(100'000).error().status, SPORE_E_RANGE);
  ASSERT_TRUE(machine.open(1));
  EXPECT_EQ(machine.open(1).error().status, SPORE_E_STATE);
  EXPECT_EQ(machine.create_vcpu(1).error().status, SPORE_E_RANGE);
  EXPECT_EQ(machine.create_vcpu(0).error().status, SPORE_E_EXISTS);
}

TEST_F(GuestTest, AStateThatIsTooShortOrSetsWhatIsReservedIsRefused) {
  ASSERT_TRUE(machine.open(1));
  State state = machine.state();
  EXPECT_EQ(machine.set_raw_state(state), SPORE_OK);
  state.reserved = 1;
  EXPECT_EQ(machine.set_raw_state(state), SPORE_E_INVALID);
  state.reserved = 0;
  state.size = 8;
  EXPECT_EQ(machine.set_raw_state(state), SPORE_E_INVALID);
}

} // namespace
} // namespace guests
