#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/arch/x86_64/board.hpp"

namespace sporehost::arch::x86_64 {
namespace {

using ::testing::HasSubstr;

TEST(Board, AutoMemoryIs512MiBAndARegionAt4GiB) {
  const auto layout = board_layout(512 * kMiB, 15872 * kMiB);
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->low_ram, (GpaRange{0, 512 * kMiB}));
  EXPECT_EQ(layout->high_ram.bytes, 0u);
  EXPECT_EQ(layout->elastic, (GpaRange{4 * kGiB, 15872 * kMiB}));
  const std::vector<E820Entry> expected = {{0, 0x9fc00, E820Type::ram},
                                           {0x9fc00, 0x400, E820Type::reserved},
                                           {0xe0000, 0x10000, E820Type::acpi},
                                           {0xf0000, 0x10000, E820Type::reserved},
                                           {0x100000, 511 * kMiB, E820Type::ram}};
  EXPECT_EQ(layout->e820, expected);
}

// What Linux does in probe_memory_block_size: large blocks for large machines, where the end of RAM allows it.
TEST(Board, MemoryBlocksAreLargeInLargeMachines) {
  EXPECT_EQ(memory_block(512 * kMiB), 128 * kMiB);
  EXPECT_EQ(memory_block(62 * kGiB), 128 * kMiB) << "RAM ends at 63 GiB";
  EXPECT_EQ(memory_block(63 * kGiB), 2 * kGiB) << "at 64";
  EXPECT_EQ(memory_block(64 * kGiB), 1 * kGiB) << "at 65";
  EXPECT_EQ(memory_block(64 * kGiB + 4096), 128 * kMiB);
}

TEST(Board, FixedMemoryGoesAroundTheHole) {
  const auto layout = board_layout(16 * kGiB, 0);
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->low_ram.bytes, 3 * kGiB);
  EXPECT_EQ(layout->high_ram, (GpaRange{4 * kGiB, 13 * kGiB}));
  EXPECT_EQ(layout->elastic.bytes, 0u);
  EXPECT_EQ(layout->e820.back(), (E820Entry{4 * kGiB, 13 * kGiB, E820Type::ram}));
}

TEST(Board, TheRegionStartsAlignedBehindHighRam) {
  const auto layout = board_layout(3 * kGiB + 4096, 2 * kMiB);
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->high_ram.bytes, 4096u);
  EXPECT_EQ(layout->elastic.gpa, 4 * kGiB + 128 * kMiB);
  for (const E820Entry& entry : layout->e820) EXPECT_LE(entry.gpa + entry.size, layout->elastic.gpa);
}

TEST(Board, TheMapIsAscendingWithoutOverlapAndCoversAllRam) {
  for (const uint64_t bytes : {kMinRam, 512 * kMiB, kLowRamMax, kLowRamMax + kPage, 64 * kGiB}) {
    const auto layout = board_layout(bytes, 0);
    ASSERT_TRUE(layout.ok());
    uint64_t end = 0;
    uint64_t covered = 0;
    for (const E820Entry& entry : layout->e820) {
      EXPECT_GE(entry.gpa, end);
      end = entry.gpa + entry.size;
      covered += entry.size;
    }
    EXPECT_EQ(covered, bytes - (kAcpiTables - kEbdaEnd)); // all but the hole of a PC's video memory and option ROMs
  }
}

TEST(Board, RefusesSizesThatMakeNoSense) {
  EXPECT_FALSE(board_layout(0, 0).ok());
  EXPECT_FALSE(board_layout(kMinRam - kPage, 0).ok());
  EXPECT_FALSE(board_layout(512 * kMiB + 1, 0).ok());
  EXPECT_FALSE(board_layout(512 * kMiB, kMiB).ok());
  EXPECT_FALSE(board_layout(512 * kMiB, 0, 31).ok());
  EXPECT_FALSE(board_layout(512 * kMiB, 0, 53).ok());
}

TEST(Board, HoldsTheAddressWidth) {
  EXPECT_TRUE(board_layout(512 * kMiB, 60 * kGiB, 36).ok()); // 4 + 60 GiB are 36 bits
  const auto region = board_layout(512 * kMiB, 60 * kGiB + 2 * kMiB, 36);
  ASSERT_FALSE(region.ok());
  EXPECT_EQ(region.error().status, SPORE_E_RANGE);
  EXPECT_THAT(region.error().text, HasSubstr("61442 MiB of elastic region do not fit into the 36-bit"));
  EXPECT_FALSE(board_layout(512 * kMiB, 2 * kMiB, 32).ok());
  EXPECT_FALSE(board_layout(4 * kGiB, 0, 32).ok());
  EXPECT_TRUE(board_layout(3 * kGiB, 0, 32).ok());
  EXPECT_FALSE(board_layout(UINT64_MAX / kPage * kPage, 0).ok());
  EXPECT_FALSE(board_layout(512 * kMiB, UINT64_MAX / (2 * kMiB) * (2 * kMiB)).ok());
}

TEST(Board, VirtioSlotsAreDistinctAndAvoidTakenInterrupts) {
  std::set<uint32_t> gsis;
  std::set<uint64_t> windows;
  unsigned count = 0;
  for (;; ++count) {
    const auto slot = virtio_slot(count);
    if (!slot.ok()) break;
    EXPECT_TRUE(gsis.insert(slot->gsi).second);
    EXPECT_TRUE(windows.insert(slot->gpa).second);
    EXPECT_GE(slot->gpa, kLowRamMax);
    EXPECT_LE(slot->gpa + slot->bytes, kIoApic);
  }
  EXPECT_EQ(count, 16u);
  for (const uint32_t taken : {0u, 1u, 2u, 3u, kCom1Gsi, 8u, kPowerButtonGsi, 13u}) EXPECT_EQ(gsis.count(taken), 0u);
  EXPECT_LT(*gsis.rbegin(), kIoApicPins);
  EXPECT_EQ(virtio_slot(0)->gpa, 0xd0000000u);
  EXPECT_EQ(virtio_slot(0)->gsi, 5u);
}

} // namespace
} // namespace sporehost::arch::x86_64
