#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/arch/aarch64/board.hpp"
#include "core/arch/aarch64/boot.hpp"

namespace sporehost::arch::aarch64 {
namespace {

using ::testing::HasSubstr;

std::string error_of(uint64_t boot, uint64_t region, unsigned bits = 48) {
  const auto layout = board_layout(boot, region, bits);
  return layout.ok() ? "(no error)" : layout.error().text;
}

TEST(Arm64Board, ElasticRegionIsDirectlyBehindBootRam) {
  const auto layout = board_layout(512 * kMiB, 15872 * kMiB, 40);
  ASSERT_TRUE(layout.ok()) << layout.error().text;
  EXPECT_EQ(layout->ram, (GpaRange{0x40000000, 512 * kMiB}));
  EXPECT_EQ(layout->elastic, (GpaRange{0x60000000, 15872 * kMiB}));
  EXPECT_EQ(layout->elastic.end() - layout->ram.gpa, 16 * kGiB);
}

TEST(Arm64Board, ElasticRegionIsAligned) {
  for (const uint64_t boot : {2 * kMiB, 100 * kMiB, 128 * kMiB, 129 * kMiB, 513 * kMiB, 4 * kGiB + kPage}) {
    const auto layout = board_layout(boot, 2 * kMiB, 40);
    ASSERT_TRUE(layout.ok()) << layout.error().text;
    EXPECT_EQ(layout->elastic.gpa % kElasticAlign, 0u) << boot;
    EXPECT_GE(layout->elastic.gpa, layout->ram.end());
    EXPECT_LT(layout->elastic.gpa, layout->ram.end() + kElasticAlign);
  }
  EXPECT_EQ(board_layout(kGiB, 0, 40)->elastic.bytes, 0u);
}

TEST(Arm64Board, DeviceTreeLiesAlignedAtTheEndOfRam) {
  for (const uint64_t boot : {2 * kMiB, 2 * kMiB + kPage, 512 * kMiB, 64 * kGiB}) {
    const auto layout = board_layout(boot, 0, 48);
    ASSERT_TRUE(layout.ok());
    EXPECT_EQ(layout->fdt.gpa % 8, 0u);
    EXPECT_LE(layout->fdt.end(), layout->ram.end());
    EXPECT_GE(layout->fdt.gpa, layout->ram.gpa);
    EXPECT_EQ(layout->fdt.gpa / (2 * kMiB), (layout->fdt.end() - 1) / (2 * kMiB)) << "crosses a 2 MiB boundary";
  }
}

TEST(Arm64Board, SizesThatMakeNoSenseAreRefused) {
  EXPECT_THAT(error_of(kMiB, 0), HasSubstr("too small"));
  EXPECT_THAT(error_of(512 * kMiB + 1, 0), HasSubstr("multiple of 4 KiB"));
  EXPECT_THAT(error_of(512 * kMiB, kMiB), HasSubstr("multiple of 2 MiB"));
  EXPECT_THAT(error_of(512 * kMiB, 0, 31), HasSubstr("do not exist"));
  EXPECT_THAT(error_of(512 * kMiB, 0, 53), HasSubstr("do not exist"));
}

TEST(Arm64Board, AddressWidthIsTheLimit) {
  EXPECT_EQ(error_of(3 * kGiB, 0, 32), "(no error)");
  EXPECT_THAT(error_of(3 * kGiB + kPage, 0, 32), HasSubstr("32-bit"));
  EXPECT_EQ(error_of(kGiB, 2 * kGiB, 32), "(no error)");
  EXPECT_THAT(error_of(kGiB, 2 * kGiB + 2 * kMiB, 32), HasSubstr("elastic region"));
  EXPECT_THAT(error_of(3 * kGiB, 2 * kMiB, 32), HasSubstr("elastic region"));
  EXPECT_THAT(error_of(UINT64_MAX / kPage * kPage, 0), HasSubstr("48-bit"));
  EXPECT_THAT(error_of(kGiB, UINT64_MAX / (2 * kMiB) * (2 * kMiB)), HasSubstr("elastic region"));
}

TEST(Arm64Board, PagesOf64KibWantBlocksOf512Mib) {
  const auto usual = *board_layout(512 * kMiB, 15872 * kMiB, 40);
  EXPECT_TRUE(check_page_size(usual, 4096).ok());
  EXPECT_TRUE(check_page_size(usual, 65536).ok());
  const auto odd = *board_layout(512 * kMiB, 640 * kMiB, 40);
  EXPECT_TRUE(check_page_size(odd, 16384).ok());
  EXPECT_THAT(check_page_size(odd, 65536).error().text, HasSubstr("make both multiples of 512 MiB"));
  EXPECT_FALSE(check_page_size(*board_layout(640 * kMiB, 512 * kMiB, 40), 65536).ok());
  EXPECT_TRUE(check_page_size(*board_layout(640 * kMiB, 0, 40), 65536).ok()) << "there is nothing to plug";
}

TEST(Arm64Board, VirtioSlotsAreApart) {
  const auto first = virtio_slot(0), last = virtio_slot(kMaxVirtioDevices - 1);
  ASSERT_TRUE(first.ok() && last.ok());
  EXPECT_EQ(first->gpa, 0x0a000000u);
  EXPECT_EQ(first->gsi, 16u);
  EXPECT_EQ(last->gpa, 0x0a000000u + (kMaxVirtioDevices - 1) * 0x1000);
  EXPECT_LT(last->gsi, 224u) << "the GIC of a VM has 224 shared interrupts";
  EXPECT_EQ(virtio_slot(kMaxVirtioDevices).error().status, SPORE_E_RANGE);
}

TEST(Arm64Board, TheGicLiesAsItsBackendWantsIt) {
  const auto usual = gic_places({}, 4);
  ASSERT_TRUE(usual.ok());
  EXPECT_EQ(usual->distributor.gpa, 0x08000000u);
  EXPECT_EQ(usual->redistributors.gpa, 0x080a0000u);
  EXPECT_EQ(usual->redistributors.bytes, 4 * 0x20000u);
  const auto large = gic_places(
      {.distributor_bytes = 1 * kMiB, .redistributor_bytes = 256 * kKiB, .redistributor_alignment = 256 * kKiB}, 2);
  ASSERT_TRUE(large.ok());
  EXPECT_EQ(large->redistributors.gpa, 0x08100000u);
  EXPECT_EQ(large->redistributors.bytes, 512 * kKiB);
}

TEST(Arm64Board, AGicThatDoesNotFitIsRefused) {
  const auto status = [](const GicFacts& facts, uint32_t vcpus) {
    const auto places = gic_places(facts, vcpus);
    return places.ok() ? spore_status{SPORE_OK} : places.error().status;
  };
  EXPECT_EQ(status({}, kMaxVcpus), SPORE_OK);
  EXPECT_EQ(status({}, kMaxVcpus + 1), SPORE_E_RANGE);
  EXPECT_EQ(status({.redistributor_bytes = 1 * kMiB}, 16), SPORE_E_RANGE);
  EXPECT_EQ(status({.distributor_bytes = UINT64_MAX}, 1), SPORE_E_RANGE);
  EXPECT_EQ(status({.distributor_alignment = uint64_t{1} << 63}, 1), SPORE_E_RANGE);
  EXPECT_EQ(status({.redistributor_alignment = 3}, 1), SPORE_E_INVALID);
  EXPECT_EQ(status({.distributor_bytes = 0}, 1), SPORE_E_INVALID);
  EXPECT_EQ(status({.gsi_count = 96}, 1), SPORE_E_UNSUPPORTED);
}

TEST(Arm64Board, AffinityCountsBySixteens) {
  EXPECT_EQ(mpidr_affinity(0), 0u);
  EXPECT_EQ(mpidr_affinity(15), 15u);
  EXPECT_EQ(mpidr_affinity(16), 0x100u);
  EXPECT_EQ(mpidr_affinity(4096), 0x10000u);
}

TEST(Arm64Boot, StartsAsTheKernelWantsIt) {
  const spore_arm64_state state = boot_state(0x40080000, 0x5ffc0000);
  EXPECT_EQ(state.pc, 0x40080000u);
  EXPECT_EQ(state.x[0], 0x5ffc0000u);
  EXPECT_EQ(state.x[1] | state.x[2] | state.x[3], 0u);
  EXPECT_EQ(state.pstate, 0x3c5u);
  EXPECT_EQ(state.size, sizeof state);
}

} // namespace
} // namespace sporehost::arch::aarch64
