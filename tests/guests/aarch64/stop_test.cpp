// PSCI: its version, and the ways in which a guest stops; and what a vCPU sees where no memory is.
#include <gmock/gmock.h>

#include "tests/guests/guest_test.hpp"

namespace guests {
namespace {

using ::testing::HasSubstr;

TEST_F(GuestTest, PsciIsVersionOneOrNewer) {
  boot("version");
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_GE(machine.state().x[0], 0x10000U);
  EXPECT_LT(machine.state().x[0], 0x20000U);
}

TEST_F(GuestTest, SystemOffIsAPowerOff) {
  boot("power_off");
  const auto exit = machine.run();
  ASSERT_TRUE(exit) << machine.error();
  EXPECT_EQ(exit->reason, static_cast<uint32_t>(SPORE_EXIT_POWER_OFF)) << exit->text;
}

TEST_F(GuestTest, SystemResetIsAReset) {
  boot("reset");
  const auto exit = machine.run();
  ASSERT_TRUE(exit) << machine.error();
  EXPECT_EQ(exit->reason, static_cast<uint32_t>(SPORE_EXIT_RESET)) << exit->text;
}

TEST_F(GuestTest, RunningWhereNoMemoryIsIsAnAbortInTheGuest) {
  boot("lost");
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults) >> 26 & 0x3f, 0x21U) << "instruction abort at the same level";
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults + 8), kHot);
}

// ---- the GIC's place ------------------------------------------------------------------------------------------------

class GicTest : public GuestTest {
 protected:
  spore::Result<void> open(uint32_t flags) {
    spore_vm_config config{};
    config.vcpu_count = 1;
    config.flags = flags;
    config.gpa_end = kGpaEnd;
    spore_vm_callbacks callbacks{};
    callbacks.mmio_read = [](void*, uint32_t, uint64_t, void*, uint32_t) {};
    callbacks.mmio_write = [](void*, uint32_t, uint64_t, const void*, uint32_t) {};
    callbacks.port_read = [](void*, uint32_t, uint16_t, void*, uint32_t) {};
    callbacks.port_write = [](void*, uint32_t, uint16_t, const void*, uint32_t) {};
    return machine.backend().open(config, callbacks);
  }
  spore_status set_gic(uint64_t dist, uint64_t redist) {
    spore::testing::BackendHandle& backend = machine.backend();
    const auto* vm = backend.find<spore_arm64_vm>(SPORE_ARM64_VM_1);
    if (vm == nullptr) return SPORE_E_UNSUPPORTED;
    const auto set =
        backend.call("set_gic", [&](spore_error* error) { return vm->set_gic(backend.self(), dist, redist, error); });
    return set ? SPORE_OK : set.error().status;
  }
};

TEST_F(GicTest, IsPlacedOnceAndBeforeTheVcpus) {
  EXPECT_EQ(set_gic(0x08000000, 0x080a0000), SPORE_E_STATE) << "there is no VM yet";
  const auto opened = open(SPORE_VM_IRQCHIP);
  ASSERT_TRUE(opened) << opened.error().text;
  const auto created = machine.create_vcpu(0);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().status, SPORE_E_STATE);
  EXPECT_THAT(created.error().text, HasSubstr("set_gic comes first"));
  EXPECT_EQ(set_gic(0x08001000, 0x080a0000), SPORE_E_INVALID);
  EXPECT_EQ(set_gic(0x08000000, kGpaEnd), SPORE_E_RANGE);
  EXPECT_EQ(set_gic(0x08000000, 0x080a0000), SPORE_OK);
  EXPECT_EQ(set_gic(0x08000000, 0x080a0000), SPORE_E_STATE);
}

TEST_F(GicTest, NeedsAVmThatWantsOne) {
  ASSERT_TRUE(open(0));
  EXPECT_EQ(set_gic(0x08000000, 0x080a0000), SPORE_E_STATE);
}

} // namespace
} // namespace guests
