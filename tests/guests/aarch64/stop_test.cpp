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
  spore_status open(uint32_t flags) {
    const spore_vm_config config{sizeof config, 1, flags, 0, kGpaEnd};
    const spore_vm_callbacks callbacks{
        .size = sizeof callbacks,
        .context = nullptr,
        .mmio_read = [](void*, uint32_t, uint64_t, void*, uint32_t) {},
        .mmio_write = [](void*, uint32_t, uint64_t, const void*, uint32_t) {},
        .port_read = [](void*, uint32_t, uint16_t, void*, uint32_t) {},
        .port_write = [](void*, uint32_t, uint16_t, const void*, uint32_t) {},
    };
    return machine.ops().open(machine.self(), &config, &callbacks, &error_);
  }
  spore_status set_gic(uint64_t dist, uint64_t redist) {
    const auto* vm =
        static_cast<const spore_arm64_vm*>(machine.ops().query_interface(machine.self(), SPORE_ARM64_VM_1));
    return vm != nullptr ? vm->set_gic(machine.self(), dist, redist, &error_) : SPORE_E_UNSUPPORTED;
  }
  spore_error error_{};
};

TEST_F(GicTest, IsPlacedOnceAndBeforeTheVcpus) {
  EXPECT_EQ(set_gic(0x08000000, 0x080a0000), SPORE_E_STATE) << "there is no VM yet";
  ASSERT_EQ(open(SPORE_VM_IRQCHIP), SPORE_OK) << error_.text;
  EXPECT_EQ(machine.ops().create_vcpu(machine.self(), 0, &error_), SPORE_E_STATE);
  EXPECT_THAT(error_.text, HasSubstr("set_gic comes first"));
  EXPECT_EQ(set_gic(0x08001000, 0x080a0000), SPORE_E_INVALID);
  EXPECT_EQ(set_gic(0x08000000, kGpaEnd), SPORE_E_RANGE);
  EXPECT_EQ(set_gic(0x08000000, 0x080a0000), SPORE_OK) << error_.text;
  EXPECT_EQ(set_gic(0x08000000, 0x080a0000), SPORE_E_STATE);
}

TEST_F(GicTest, NeedsAVmThatWantsOne) {
  ASSERT_EQ(open(0), SPORE_OK) << error_.text;
  EXPECT_EQ(set_gic(0x08000000, 0x080a0000), SPORE_E_STATE);
}

} // namespace
} // namespace guests
