// Hostile descriptor chains: each check of ChainBuffers has a chain that only that check refuses.
#include "core/virtio/descriptor_chain.hpp"
#include "core/virtio/virtio_spec.hpp"
#include "tests/support/flat_memory.hpp"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

namespace sporehost {
namespace {

using testing::FlatMemory;
using virtio::Descriptor;
using virtio::kDescIndirect;
using virtio::kDescNext;
using virtio::kDescWrite;

constexpr uint64_t kTable = 0x1000;
constexpr uint64_t kIndirectTable = 0x2000;
constexpr uint64_t kData = 0x4000;
constexpr uint64_t kEnd = 0x10000;
constexpr uint16_t kSize = 8;

class ChainTest : public ::testing::Test {
 protected:
  void set(uint16_t index, Descriptor descriptor, uint64_t table = kTable) {
    memory_.put(table + 16ull * index, descriptor);
  }
  ChainFault read(uint16_t head = 0, bool indirect = true) {
    return chain_.read_from(memory_, kTable, head, {kSize, indirect});
  }
  // The fault, and that nothing of the chain is left behind.
  void expect_refused(ChainFault fault, uint16_t head = 0, bool indirect = true) {
    EXPECT_EQ(read(head, indirect), fault);
    EXPECT_EQ(chain_.segments(), 0u);
    EXPECT_EQ(chain_.readable_bytes() + chain_.writable_bytes(), 0u);
  }

  FlatMemory memory_{kEnd};
  ChainBuffers chain_;
};

TEST_F(ChainTest, CollectsReadableThenWritable) {
  set(3, {kData, 10, kDescNext, 5});
  set(5, {kData + 0x100, 20, kDescNext, 1});
  set(1, {kData + 0x200, 30, kDescWrite, 0});
  ASSERT_EQ(read(3), ChainFault::kNone);
  EXPECT_EQ(chain_.readable_bytes(), 30u);
  EXPECT_EQ(chain_.writable_bytes(), 30u);
  EXPECT_EQ(chain_.segments(), 3u);
}

TEST_F(ChainTest, NextBeyondTheTable) {
  set(0, {kData, 1, kDescNext, kSize});
  expect_refused(ChainFault::kIndexRange);
}

TEST_F(ChainTest, LoopsEnd) {
  set(0, {kData, 1, kDescNext, 1});
  set(1, {kData, 1, kDescNext, 0});
  expect_refused(ChainFault::kTooLong);
  set(2, {kData, 1, kDescNext, 2});
  expect_refused(ChainFault::kTooLong, 2);
}

TEST_F(ChainTest, AsManyDescriptorsAsTheQueueHasAndNotOneMore) {
  for (uint16_t i = 0; i + 1 < kSize; ++i) set(i, {kData, 1, kDescNext, static_cast<uint16_t>(i + 1)});
  set(kSize - 1, {kData, 1, 0, 0});
  EXPECT_EQ(read(), ChainFault::kNone);
  for (uint16_t entries : {kSize, static_cast<uint16_t>(kSize + 1)}) {
    for (uint16_t i = 0; i < entries; ++i) {
      const uint16_t flags = i + 1 < entries ? kDescNext : 0;
      set(i, {kData, 1, flags, static_cast<uint16_t>(i + 1)}, kIndirectTable);
    }
    set(0, {kIndirectTable, 16u * entries, kDescIndirect, 0});
    EXPECT_EQ(read(), entries == kSize ? ChainFault::kNone : ChainFault::kTooLong);
  }
}

TEST_F(ChainTest, DescriptorsAroundAnIndirectTableCountTogether) {
  for (uint16_t i = 0; i < 4; ++i) set(i, {kData, 1, kDescNext, static_cast<uint16_t>(i + 1)});
  set(4, {kIndirectTable, 16 * 5, kDescIndirect, 0});
  for (uint16_t i = 0; i < 5; ++i) {
    const uint16_t flags = i + 1 < 5 ? kDescNext : 0;
    set(i, {kData, 1, flags, static_cast<uint16_t>(i + 1)}, kIndirectTable);
  }
  expect_refused(ChainFault::kTooLong); // 4 + 5 buffers in a queue of 8
  set(3, {kIndirectTable, 16 * 5, kDescIndirect, 0});
  EXPECT_EQ(read(), ChainFault::kNone);
  EXPECT_EQ(chain_.readable_bytes(), 8u);
}

TEST_F(ChainTest, ReadableAfterWritable) {
  set(0, {kData, 1, kDescNext | kDescWrite, 1});
  set(1, {kData, 1, 0, 0});
  expect_refused(ChainFault::kOrder);
  set(1, {kData, 0, 0, 0}); // an empty one breaks the order as well
  expect_refused(ChainFault::kOrder);
}

TEST_F(ChainTest, BuffersOutsideMemory) {
  for (const Descriptor& bad :
       {Descriptor{kEnd - 1, 2, 0, 0}, Descriptor{kEnd, 1, 0, 0}, Descriptor{UINT64_MAX, 1, 0, 0},
        Descriptor{UINT64_MAX - 3, 0xffffffff, 0, 0}, Descriptor{kData, 0xffffffff, 0, 0}}) {
    set(0, bad);
    expect_refused(ChainFault::kSegmentRange);
  }
  set(0, {kEnd - 1, 1, 0, 0});
  EXPECT_EQ(read(), ChainFault::kNone);
  memory_.punch(kEnd - 0x1000, 0x1000);
  expect_refused(ChainFault::kSegmentRange);
}

TEST_F(ChainTest, EmptyBuffersAreSkippedAndTheirAddressIgnored) {
  set(0, {UINT64_MAX, 0, kDescNext, 1});
  set(1, {kData, 4, kDescNext, 2});
  set(2, {0xdead0000, 0, kDescWrite, 0});
  ASSERT_EQ(read(), ChainFault::kNone);
  EXPECT_EQ(chain_.segments(), 1u);
  EXPECT_EQ(chain_.readable_bytes(), 4u);
  EXPECT_EQ(chain_.writable_bytes(), 0u);
}

TEST_F(ChainTest, MoreThan4GiBTogether) {
  // Claims to be large without being so: the sum is what is under test.
  class Endless : public FlatMemory {
   public:
    using FlatMemory::FlatMemory;
    bool contains(uint64_t, uint64_t) const override { return true; }
  } memory(kEnd);
  memory.put(kTable, Descriptor{0, 0xffffffff, kDescNext, 1});
  memory.put(kTable + 16, Descriptor{0, 1, kDescWrite, 0});
  EXPECT_EQ(chain_.read_from(memory, kTable, 0, {kSize, false}), ChainFault::kNone);
  EXPECT_EQ(chain_.readable_bytes() + chain_.writable_bytes(), uint64_t{1} << 32);
  memory.put(kTable + 16, Descriptor{0, 2, kDescWrite, 0});
  EXPECT_EQ(chain_.read_from(memory, kTable, 0, {kSize, false}), ChainFault::kTooManyBytes);
}

TEST_F(ChainTest, IndirectTables) {
  set(0, {kData, 8, kDescNext, 1}, kIndirectTable);
  set(1, {kData + 8, 8, kDescWrite, 0}, kIndirectTable);
  set(0, {kIndirectTable, 32, kDescIndirect | kDescWrite, 0}); // WRITE on the referring descriptor means nothing
  ASSERT_EQ(read(), ChainFault::kNone);
  EXPECT_EQ(chain_.readable_bytes(), 8u);
  EXPECT_EQ(chain_.writable_bytes(), 8u);

  expect_refused(ChainFault::kIndirectRefused, 0, false);
  set(0, {kIndirectTable, 32, kDescIndirect | kDescNext, 1});
  expect_refused(ChainFault::kIndirectWithNext);
  for (uint32_t length : {0u, 8u, 33u, 16u * 32769, 0xfffffff0u}) {
    set(0, {kIndirectTable, length, kDescIndirect, 0});
    expect_refused(ChainFault::kIndirectTable);
  }
  set(0, {UINT64_MAX - 15, 32, kDescIndirect, 0});
  expect_refused(ChainFault::kIndirectTable);
  set(0, {kIndirectTable, 16, kDescIndirect, 0}); // one entry, whose `next` is 1
  expect_refused(ChainFault::kIndexRange);
  set(0, {kIndirectTable, 32, kDescIndirect, 0});
  set(1, {kIndirectTable, 32, kDescIndirect, 0}, kIndirectTable);
  expect_refused(ChainFault::kIndirectNested);
}

TEST_F(ChainTest, DescriptorTableThatWentAway) {
  set(0, {kData, 1, 0, 0});
  memory_.punch(kTable, 16);
  expect_refused(ChainFault::kUnreadable);
}

TEST_F(ChainTest, CopiesAcrossSegmentsAtAnyOffset) {
  set(0, {kData, 3, kDescNext, 1});
  set(1, {kData + 0x100, 5, kDescNext, 2});
  set(2, {kData + 0x200, 4, kDescNext | kDescWrite, 3});
  set(3, {kData + 0x300, 4, kDescWrite, 0});
  for (uint8_t i = 0; i < 3; ++i) memory_.put(kData + i, i);
  for (uint8_t i = 0; i < 5; ++i) memory_.put<uint8_t>(kData + 0x100 + i, 3 + i);
  ASSERT_EQ(read(), ChainFault::kNone);
  for (size_t offset = 0; offset <= 8; ++offset) {
    for (size_t bytes = 0; bytes <= 8 - offset; ++bytes) {
      std::vector<uint8_t> got(bytes), expected(bytes);
      std::iota(expected.begin(), expected.end(), static_cast<uint8_t>(offset));
      ASSERT_EQ(chain_.copy_out(memory_, offset, got), SPORE_OK);
      EXPECT_EQ(got, expected);
    }
  }
  ASSERT_EQ(chain_.copy_in(memory_, 2, std::array<uint8_t, 4>{1, 2, 3, 4}), SPORE_OK);
  EXPECT_EQ(memory_.get<uint32_t>(kData + 0x200), 0x02010000u);
  EXPECT_EQ(memory_.get<uint32_t>(kData + 0x300), 0x00000403u);
}

TEST_F(ChainTest, CopiesBeyondTheEndCopyNothing) {
  set(0, {kData, 8, kDescNext, 1});
  set(1, {kData + 0x100, 8, kDescWrite, 0});
  ASSERT_EQ(read(), ChainFault::kNone);
  std::array<uint8_t, 9> nine{};
  nine.fill(0xee);
  EXPECT_EQ(chain_.copy_out(memory_, 0, nine), SPORE_E_RANGE);
  EXPECT_EQ(chain_.copy_out(memory_, UINT64_MAX, nine), SPORE_E_RANGE);
  EXPECT_EQ(chain_.copy_in(memory_, 0, nine), SPORE_E_RANGE);
  EXPECT_EQ(chain_.copy_in(memory_, 1, std::span(nine).first(8)), SPORE_E_RANGE);
  EXPECT_EQ(memory_.get<uint64_t>(kData + 0x100), 0u);
  EXPECT_EQ(nine[0], 0xee);
}

TEST_F(ChainTest, CopiesAreAllOrNothingWhenMemoryWentAway) {
  set(0, {kData, 8, kDescNext | kDescWrite, 1});
  set(1, {kData + 0x1000, 8, kDescWrite, 0});
  ASSERT_EQ(read(), ChainFault::kNone);
  memory_.punch(kData + 0x1000, 0x1000);
  std::array<uint8_t, 16> data{};
  data.fill(7);
  EXPECT_EQ(chain_.copy_in(memory_, 0, data), SPORE_E_RANGE);
  EXPECT_EQ(memory_.get<uint64_t>(kData), 0u);
  EXPECT_EQ(chain_.copy_in(memory_, 0, std::span(data).first(8)), SPORE_OK);
}

} // namespace
} // namespace sporehost
