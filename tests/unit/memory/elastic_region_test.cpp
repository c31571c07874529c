#include "core/memory/elastic_region.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/fake_slot_mapper.hpp"

namespace sporehost {
namespace {

constexpr uint64_t kMiB = 1u << 20;
constexpr uint64_t kBlock = 2 * kMiB;
constexpr uint64_t kSlot = 128 * kMiB;
constexpr uint64_t kGpa = uint64_t{4} << 30;

class ElasticRegionTest : public ::testing::Test {
 protected:
  std::unique_ptr<ElasticRegion> make(uint64_t bytes) {
    auto region = ElasticRegion::create({kGpa, bytes, kBlock, kSlot}, mapper_);
    EXPECT_TRUE(region.ok());
    return std::move(region).value();
  }
  testing::FakeSlotMapper mapper_;
};

uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

TEST_F(ElasticRegionTest, ReservingSixteenGiBCostsNothing) {
#if defined(SPORE_EMULATED_PROCESSOR)
  GTEST_SKIP() << "user-mode emulation keeps a table with an entry for every reserved page";
#endif
  const uint64_t before = resident_bytes();
  auto region = make(uint64_t{16} << 30);
  EXPECT_LT(resident_bytes() - before, 4 * kMiB);
  EXPECT_TRUE(mapper_.mapped.empty());
}

TEST_F(ElasticRegionTest, SlotEntersWithItsFirstBlockAndLeavesWithItsLast) {
  auto region = make(4 * kSlot);
  ASSERT_TRUE(region->plug(0, kBlock).ok());
  ASSERT_TRUE(region->plug(kBlock, kBlock).ok());
  EXPECT_EQ(mapper_.maps, 1);
  ASSERT_TRUE(region->unplug(0, kBlock).ok());
  EXPECT_EQ(mapper_.unmaps, 0);
  ASSERT_TRUE(region->unplug(kBlock, kBlock).ok());
  EXPECT_EQ(mapper_.unmaps, 1);
  EXPECT_EQ(region->plugged_bytes(), 0u);
}

TEST_F(ElasticRegionTest, ARequestMaySpanSlots) {
  auto region = make(4 * kSlot);
  ASSERT_TRUE(region->plug(kSlot - kBlock, kSlot + 2 * kBlock).ok());
  EXPECT_EQ(mapper_.mapped.size(), 3u);
  EXPECT_EQ(region->plugged_bytes(), kSlot + 2 * kBlock);
}

TEST_F(ElasticRegionTest, TheLastSlotMayBeShort) {
  auto region = make(kSlot + 3 * kBlock);
  ASSERT_TRUE(region->plug(kSlot, 3 * kBlock).ok());
  EXPECT_EQ(mapper_.mapped.at(kGpa + kSlot).bytes, 3 * kBlock);
}

TEST_F(ElasticRegionTest, RefusesWhatIsOutsideUnalignedOrAlreadySo) {
  auto region = make(2 * kSlot);
  EXPECT_EQ(region->plug(0, 0).error().status, SPORE_E_RANGE);
  EXPECT_EQ(region->plug(1, kBlock).error().status, SPORE_E_INVALID);
  EXPECT_EQ(region->plug(2 * kSlot, kBlock).error().status, SPORE_E_RANGE);
  EXPECT_EQ(region->plug(kBlock, ~uint64_t{0} - kBlock + 1).error().status, SPORE_E_RANGE);
  ASSERT_TRUE(region->plug(0, kBlock).ok());
  EXPECT_EQ(region->plug(0, 2 * kBlock).error().status, SPORE_E_STATE);
  EXPECT_EQ(region->unplug(0, 2 * kBlock).error().status, SPORE_E_STATE);
  EXPECT_EQ(region->plugged_bytes(), kBlock);
  EXPECT_EQ(region->blocks(0, 2 * kBlock), BlockState::mixed);
}

TEST_F(ElasticRegionTest, Vmem40AFailedMapLeavesNothingBehind) {
  auto region = make(4 * kSlot);
  mapper_.fail_map_after = 2;
  EXPECT_EQ(region->plug(0, 4 * kSlot).error().status, SPORE_E_NO_MEMORY);
  EXPECT_TRUE(mapper_.mapped.empty());
  EXPECT_EQ(region->plugged_bytes(), 0u);
  EXPECT_EQ(region->blocks(0, 4 * kSlot), BlockState::unplugged);
  mapper_.fail_map_after = -1;
  EXPECT_TRUE(region->plug(0, 4 * kSlot).ok());
}

TEST_F(ElasticRegionTest, Vmem40AFailedUnmapKeepsTheMemoryAndItsContents) {
  auto region = make(kSlot);
  ASSERT_TRUE(region->plug(0, kBlock).ok());
  const char text[] = "still here";
  ASSERT_EQ(region->write(0, text, sizeof text), SPORE_OK);
  mapper_.fail_unmap = true;
  EXPECT_EQ(region->unplug(0, kBlock).error().status, SPORE_E_IO);
  char back[sizeof text] = {};
  EXPECT_EQ(region->read(0, back, sizeof back), SPORE_OK);
  EXPECT_STREQ(back, text);
  EXPECT_EQ(region->unplug_all().error().status, SPORE_E_IO);
  EXPECT_EQ(region->blocks(0, kSlot), BlockState::mixed);
  mapper_.fail_unmap = false;
}

TEST_F(ElasticRegionTest, UnplugAllIsAllOrNothing) {
  auto region = make(4 * kSlot);
  for (const uint64_t slot : {0u, 1u, 3u}) ASSERT_TRUE(region->plug(slot * kSlot + kBlock, kBlock).ok());
  const uint64_t value = 0xfeedface;
  ASSERT_EQ(region->write(kBlock, &value, 8), SPORE_OK);
  mapper_.fail_unmap_after = 2;
  EXPECT_EQ(region->unplug_all().error().status, SPORE_E_IO);
  EXPECT_EQ(region->plugged_bytes(), 3 * kBlock);
  EXPECT_EQ(mapper_.mapped.size(), 3u) << "the slots that had left are back";
  uint64_t back = 0;
  ASSERT_EQ(region->read(kBlock, &back, 8), SPORE_OK);
  EXPECT_EQ(back, value);
  mapper_.fail_unmap_after = -1;
  EXPECT_TRUE(region->unplug_all().ok());
  EXPECT_TRUE(mapper_.mapped.empty());
}

// The range that a plug had made accessible before it failed is closed again.
TEST_F(ElasticRegionTest, Vmem40AFailedMapLeavesNothingAccessible) {
  auto region = make(2 * kSlot);
  uint8_t* host = nullptr;
  mapper_.on_map = [&](uint8_t* mapped) { host = mapped; };
  mapper_.fail_map_after = 1;
  EXPECT_FALSE(region->plug(0, 2 * kSlot).ok());
  ASSERT_NE(host, nullptr);
  EXPECT_DEATH(*const_cast<volatile uint8_t*>(host) = 1, "");
  EXPECT_DEATH(*const_cast<volatile uint8_t*>(host + kSlot) = 1, "");
}

// A guest can write to a slot as soon as it is mapped, also while a plug fails.
TEST_F(ElasticRegionTest, Vmem36WhatTheGuestWroteWhileAPlugFailedIsGone) {
  auto region = make(2 * kSlot);
  mapper_.on_map = [](uint8_t* host) { host[7] = 1; };
  mapper_.fail_map_after = 1;
  EXPECT_FALSE(region->plug(0, 2 * kSlot).ok());
  mapper_.on_map = {};
  mapper_.fail_map_after = -1;
  ASSERT_TRUE(region->plug(0, kBlock).ok());
  uint8_t back = 1;
  ASSERT_EQ(region->read(7, &back, 1), SPORE_OK);
  EXPECT_EQ(back, 0);
}

// The guest's side of a mapped slot: it can reach each byte, whatever the book of blocks says.
TEST_F(ElasticRegionTest, Vmem36WhatTheGuestWroteToAnUnpluggedBlockIsGoneAfterItsPlug) {
  auto region = make(kSlot);
  ASSERT_TRUE(region->plug(0, kBlock).ok());
  auto* guest = static_cast<uint8_t*>(mapper_.mapped.at(kGpa).host);
  std::memset(guest + kBlock, 0xaa, 2 * kBlock); // never plugged
  ASSERT_TRUE(region->plug(kBlock, kBlock).ok());
  ASSERT_TRUE(region->unplug(kBlock, kBlock).ok());
  std::memset(guest + kBlock, 0xbb, kBlock); // unplugged
  ASSERT_TRUE(region->plug(kBlock, 2 * kBlock).ok());
  const std::vector<uint8_t> zeros(2 * kBlock);
  std::vector<uint8_t> back(2 * kBlock, 1);
  ASSERT_EQ(region->read(kBlock, back.data(), back.size()), SPORE_OK);
  EXPECT_TRUE(back == zeros);
  EXPECT_EQ(region->read(kBlock - 1, back.data(), 1), SPORE_OK) << "the neighbour is still there";
}

TEST_F(ElasticRegionTest, Vmem36WhatTheGuestWroteToOtherBlocksLeavesWithTheSlot) {
  auto region = make(kSlot);
  ASSERT_TRUE(region->plug(0, kBlock).ok());
  std::memset(static_cast<uint8_t*>(mapper_.mapped.at(kGpa).host) + kBlock, 0xaa, 32 * kMiB);
  EXPECT_GE(region->unplugged_resident_bytes(), 32 * kMiB);
  EXPECT_LE(region->unplugged_resident_bytes(), 36 * kMiB) << "with large pages at both ends";
  ASSERT_TRUE(region->unplug(0, kBlock).ok());
  EXPECT_EQ(region->unplugged_resident_bytes(), 0u);
  ASSERT_TRUE(region->plug(0, kSlot).ok());
  const std::vector<uint8_t> zeros(32 * kMiB);
  std::vector<uint8_t> back(32 * kMiB, 1);
  ASSERT_EQ(region->read(kBlock, back.data(), back.size()), SPORE_OK);
  EXPECT_TRUE(back == zeros);
}

// What a hostile guest can hold after a shrink: a slot less a block for each slot in which it has one, and no more.
TEST_F(ElasticRegionTest, Vmem39WhatUnpluggedMemoryCostsIsBoundedAndMeasured) {
  auto region = make(4 * kSlot);
  ASSERT_TRUE(region->plug(0, 4 * kSlot).ok());
  for (uint64_t slot = 0; slot < 4; ++slot) ASSERT_TRUE(region->unplug(slot * kSlot + kBlock, kSlot - kBlock).ok());
  EXPECT_EQ(region->unplugged_resident_bytes(), 0u) << "nothing was touched";
  ASSERT_TRUE(region->unplug(3 * kSlot, kBlock).ok());
  ASSERT_EQ(mapper_.mapped.size(), 3u);
  for (const auto& [gpa, slot] : mapper_.mapped)
    for (uint64_t at = 0; at < slot.bytes; at += 4096) static_cast<uint8_t*>(slot.host)[at] = 1;
  EXPECT_EQ(region->unplugged_resident_bytes(), 3 * (kSlot - kBlock));
}

#if !defined(SPORE_EMULATED_PROCESSOR)
uint64_t resident_kib() {
  std::ifstream smaps("/proc/self/smaps_rollup");
  for (std::string line; std::getline(smaps, line);)
    if (line.starts_with("Rss:")) return std::stoull(line.substr(4));
  return 0;
}

// A discarded piece of a large page would stay the host's.
TEST_F(ElasticRegionTest, BlocksSmallerThanALargePageAreGivenBackOneByOne) {
  auto made = ElasticRegion::create({kGpa, kSlot, kMiB, kSlot}, mapper_);
  ASSERT_TRUE(made.ok());
  const auto region = std::move(made).value();
  ASSERT_TRUE(region->plug(0, kSlot).ok());
  auto* const host = static_cast<uint8_t*>(mapper_.mapped.at(kGpa).host);
  std::memset(host, 1, kSlot);
  const uint64_t before = resident_kib();
  for (uint64_t at = 0; at < kSlot; at += 2 * kMiB) ASSERT_TRUE(region->unplug(at, kMiB).ok());
  EXPECT_LT(resident_kib() + kSlot / 2 * 3 / 4 / 1024, before);
}

// Pages that somebody has locked are what madvise refuses to give back. By system call: the sanitizers' mlock does
// nothing.
class LockedPage {
 public:
  explicit LockedPage(uint8_t* host) : host_(host), locked_(::syscall(SYS_mlock, host, 1) == 0) {}
  ~LockedPage() { release(); }
  LockedPage(const LockedPage&) = delete;
  LockedPage& operator=(const LockedPage&) = delete;
  [[nodiscard]] bool locked() const { return locked_; }
  void release() {
    if (std::exchange(locked_, false)) ::syscall(SYS_munlock, host_, 1);
  }

 private:
  uint8_t* host_;
  bool locked_;
};

TEST_F(ElasticRegionTest, MemoryThatIsNotGivenBackIsNotSaidToBe) {
  std::vector<std::string> lines;
  auto made = ElasticRegion::create({kGpa, 2 * kSlot, kBlock, kSlot}, mapper_,
                                    [&](int32_t, std::string_view line) { lines.emplace_back(line); });
  ASSERT_TRUE(made.ok());
  const auto region = std::move(made).value();
  ASSERT_TRUE(region->plug(0, kSlot).ok());
  const uint8_t one = 1;
  ASSERT_EQ(region->write(0, &one, 1), SPORE_OK);
  LockedPage page(static_cast<uint8_t*>(mapper_.mapped.at(kGpa).host));
  if (!page.locked()) GTEST_SKIP() << "no page may be locked here: " << std::strerror(errno);
  EXPECT_EQ(region->unplug(0, kBlock).error().status, SPORE_E_IO) << "beside a plugged block";
  EXPECT_EQ(region->unplug(0, kSlot).error().status, SPORE_E_IO) << "with the slot";
  EXPECT_EQ(region->unplug_all().error().status, SPORE_E_IO);
  EXPECT_EQ(region->plugged_bytes(), kSlot);
  EXPECT_EQ(region->blocks(0, kSlot), BlockState::plugged);
  EXPECT_EQ(mapper_.mapped.size(), 1u) << "the slot is back in the VM";
  EXPECT_EQ(region->failed_discards(), 3u);
  ASSERT_FALSE(lines.empty());
  EXPECT_NE(lines[0].find("the host does not take back 2097152 bytes at offset 0"), std::string::npos) << lines[0];
  page.release();
  EXPECT_TRUE(region->unplug(0, kSlot).ok());
  EXPECT_EQ(region->plugged_bytes(), 0u);
  EXPECT_TRUE(mapper_.mapped.empty());
}

// What cannot be emptied is not plugged.
TEST_F(ElasticRegionTest, Vmem36ABlockThatCannotBeEmptiedIsNotPlugged) {
  auto region = make(kSlot);
  ASSERT_TRUE(region->plug(kBlock, kBlock).ok());
  auto* guest = static_cast<uint8_t*>(mapper_.mapped.at(kGpa).host);
  *guest = 1;
  LockedPage page(guest);
  if (!page.locked()) GTEST_SKIP() << "no page may be locked here: " << std::strerror(errno);
  EXPECT_EQ(region->plug(0, kBlock).error().status, SPORE_E_IO);
  EXPECT_EQ(region->blocks(0, kBlock), BlockState::unplugged);
  page.release();
  ASSERT_TRUE(region->plug(0, kBlock).ok());
  uint8_t back = 1;
  ASSERT_EQ(region->read(0, &back, 1), SPORE_OK);
  EXPECT_EQ(back, 0);
}
#endif

TEST_F(ElasticRegionTest, Vmem13KeepingMoreIsAllOrNothing) {
  auto region = make(4 * kSlot);
  ASSERT_TRUE(region->plug(kSlot, kBlock).ok());
  mapper_.fail_map_after = 1;
  EXPECT_EQ(region->keep_mapped(4 * kSlot).error().status, SPORE_E_NO_MEMORY);
  EXPECT_EQ(mapper_.mapped.size(), 1u);
  mapper_.fail_map_after = -1;
  region->freeze(true);
  EXPECT_EQ(region->keep_mapped(4 * kSlot).error().status, SPORE_E_BUSY);
  region->freeze(false);
  ASSERT_TRUE(region->keep_mapped(4 * kSlot).ok());
  EXPECT_EQ(mapper_.mapped.size(), 4u);
}

TEST_F(ElasticRegionTest, Vmem40TheSlotLeavesTheGuestBeforeItIsDiscarded) {
  auto region = make(kSlot);
  ASSERT_TRUE(region->plug(0, kBlock).ok());
  const uint8_t one = 1;
  ASSERT_EQ(region->write(5, &one, 1), SPORE_OK);
  uint8_t seen = 0;
  mapper_.on_unmap = [&](const uint8_t* host) { seen = host[5]; };
  ASSERT_TRUE(region->unplug(0, kBlock).ok());
  EXPECT_EQ(seen, 1);
}

TEST_F(ElasticRegionTest, Vmem36ContentIsZeroAfterUnplugAndReplug) {
  auto region = make(kSlot);
  for (const uint64_t neighbour : {uint64_t{0}, kBlock}) { // alone in its slot, and beside a plugged block
    if (neighbour != 0) {
      ASSERT_TRUE(region->plug(neighbour, kBlock).ok());
    }
    ASSERT_TRUE(region->plug(0, kBlock).ok());
    const uint64_t value = 0xfeedface;
    ASSERT_EQ(region->write(kBlock - 8, &value, 8), SPORE_OK);
    ASSERT_TRUE(region->unplug(0, kBlock).ok());
    ASSERT_TRUE(region->plug(0, kBlock).ok());
    uint64_t back = 1;
    ASSERT_EQ(region->read(kBlock - 8, &back, 8), SPORE_OK);
    EXPECT_EQ(back, 0u);
    ASSERT_TRUE(region->unplug_all().ok());
  }
}

TEST_F(ElasticRegionTest, Vmem39UnplugGivesThePagesBack) {
  auto region = make(kSlot);
  ASSERT_TRUE(region->plug(0, 64 * kMiB).ok());
  const std::vector<uint8_t> ones(64 * kMiB, 1);
  ASSERT_EQ(region->write(0, ones.data(), ones.size()), SPORE_OK);
  const uint64_t full = resident_bytes();
  ASSERT_TRUE(region->unplug(0, 64 * kMiB).ok());
  EXPECT_GT(full - resident_bytes(), 60 * kMiB);
}

TEST_F(ElasticRegionTest, Vmem39AnEmptySlotCannotBeTouchedOnTheHostEither) {
  auto region = make(kSlot);
  ASSERT_TRUE(region->plug(0, kBlock).ok());
  auto* host = static_cast<uint8_t*>(mapper_.mapped.at(kGpa).host);
  ASSERT_TRUE(region->unplug(0, kBlock).ok());
  EXPECT_DEATH(*const_cast<volatile uint8_t*>(host) = 1, "");
}

TEST_F(ElasticRegionTest, CopiesTouchOnlyPluggedBlocks) {
  auto region = make(kSlot);
  ASSERT_TRUE(region->plug(kBlock, kBlock).ok());
  uint8_t buffer[16] = {};
  EXPECT_EQ(region->read(kBlock - 8, buffer, 16), SPORE_E_RANGE);
  EXPECT_EQ(region->read(2 * kBlock - 8, buffer, 16), SPORE_E_RANGE);
  EXPECT_EQ(region->read(2 * kBlock - 16, buffer, 16), SPORE_OK);
  EXPECT_EQ(region->read(kSlot, buffer, 1), SPORE_E_RANGE);
  EXPECT_EQ(region->read(~uint64_t{0}, buffer, 16), SPORE_E_RANGE);
}

TEST_F(ElasticRegionTest, FrozenAnswersBusy) {
  auto region = make(kSlot);
  region->freeze(true);
  EXPECT_EQ(region->plug(0, kBlock).error().status, SPORE_E_BUSY);
  EXPECT_EQ(region->unplug_all().error().status, SPORE_E_BUSY);
  region->freeze(false);
  EXPECT_TRUE(region->plug(0, kBlock).ok());
}

TEST_F(ElasticRegionTest, Vmem13KeptSlotsStayMappedAndReadZero) {
  auto region = make(3 * kSlot);
  ASSERT_TRUE(region->keep_mapped(kSlot + kBlock).ok());
  EXPECT_EQ(mapper_.mapped.size(), 2u);
  ASSERT_TRUE(region->plug(0, kBlock).ok());
  ASSERT_TRUE(region->unplug(0, kBlock).ok());
  EXPECT_EQ(mapper_.mapped.size(), 2u);
  EXPECT_EQ(*static_cast<uint8_t*>(mapper_.mapped.at(kGpa).host), 0);
  ASSERT_TRUE(region->keep_mapped(0).ok());
  EXPECT_TRUE(mapper_.mapped.empty());
}

TEST_F(ElasticRegionTest, AllOfTheSeedsRegionBlockByBlock) {
  auto region = make(uint64_t{15872} * kMiB);
  for (uint64_t offset = 0; offset < region->geometry().bytes; offset += kBlock)
    ASSERT_TRUE(region->plug(offset, kBlock).ok());
  EXPECT_EQ(region->plugged_bytes(), uint64_t{15872} * kMiB);
  EXPECT_EQ(mapper_.maps, 124);
  ASSERT_TRUE(region->unplug_all().ok());
  EXPECT_TRUE(mapper_.mapped.empty());
}

TEST_F(ElasticRegionTest, GeometryIsValidated) {
  for (const ElasticGeometry bad :
       {ElasticGeometry{kGpa, kSlot, 3 * kMiB, kSlot}, ElasticGeometry{kGpa, kSlot, 512, kSlot},
        ElasticGeometry{kGpa, kSlot, kBlock, kMiB}, ElasticGeometry{kGpa, 0, kBlock, kSlot},
        ElasticGeometry{kGpa, kSlot + 1, kBlock, kSlot},
        ElasticGeometry{~uint64_t{0} - kBlock + 1, 2 * kBlock, kBlock, kSlot}}) {
    const auto region = ElasticRegion::create(bad, mapper_);
    ASSERT_FALSE(region.ok());
    EXPECT_EQ(region.error().status, SPORE_E_INVALID);
  }
}

} // namespace
} // namespace sporehost
