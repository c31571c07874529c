#include "core/memory/guest_memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <numeric>

#include "tests/support/fake_slot_mapper.hpp"

namespace sporehost {
namespace {

constexpr uint64_t kMiB = 1u << 20;

std::vector<uint8_t> counting(size_t bytes) {
  std::vector<uint8_t> data(bytes);
  std::iota(data.begin(), data.end(), uint8_t{1});
  return data;
}

TEST(GuestMemory, CopiesAcrossAdjacentRegionsAndIntoTheElasticOne) {
  testing::FakeSlotMapper mapper;
  GuestMemory memory;
  ASSERT_TRUE(memory.add_ram(kMiB, kMiB).ok());
  ASSERT_TRUE(memory.add_ram(0, kMiB).ok());
  auto region = ElasticRegion::create({2 * kMiB, 4 * kMiB, 2 * kMiB, 2 * kMiB}, mapper);
  ASSERT_TRUE(region.ok());
  ASSERT_TRUE(memory.add_elastic(std::move(region).value()).ok());
  ASSERT_TRUE(memory.elastic()->plug(0, 2 * kMiB).ok());
  const auto out = counting(kMiB + 200);
  ASSERT_EQ(memory.write(kMiB - 100, out), SPORE_OK); // RAM, RAM, elastic
  std::vector<uint8_t> back(out.size());
  ASSERT_EQ(memory.read(kMiB - 100, back), SPORE_OK);
  EXPECT_EQ(back, out);
}

TEST(GuestMemory, AllOrNothingAtTheEdges) {
  GuestMemory memory;
  ASSERT_TRUE(memory.add_ram(0, kMiB).ok());
  const auto out = counting(16);
  EXPECT_EQ(memory.write(kMiB - 8, out), SPORE_E_RANGE);
  std::array<uint8_t, 8> back{};
  ASSERT_EQ(memory.read(kMiB - 8, back), SPORE_OK);
  EXPECT_EQ(back, (std::array<uint8_t, 8>{}));
  EXPECT_EQ(memory.read(~uint64_t{0} - 3, back), SPORE_E_RANGE);
  EXPECT_TRUE(memory.contains(kMiB - 1, 1));
  EXPECT_FALSE(memory.contains(kMiB, 1));
  EXPECT_FALSE(memory.contains(kMiB - 1, ~uint64_t{0}));
}

TEST(GuestMemory, GapsAreNoMemory) {
  GuestMemory memory;
  ASSERT_TRUE(memory.add_ram(0, kMiB).ok());
  ASSERT_TRUE(memory.add_ram(2 * kMiB, kMiB).ok());
  EXPECT_FALSE(memory.contains(kMiB - 1, kMiB + 2));
  EXPECT_FALSE(memory.contains(kMiB, 1));
  EXPECT_TRUE(memory.contains(2 * kMiB, kMiB));
}

TEST(GuestMemory, RefusesOverlapsAndUnalignedRam) {
  GuestMemory memory;
  ASSERT_TRUE(memory.add_ram(kMiB, kMiB).ok());
  EXPECT_FALSE(memory.add_ram(0, kMiB + 4096).ok());
  EXPECT_FALSE(memory.add_ram(100, 4096).ok());
  EXPECT_FALSE(memory.add_ram(0, 0).ok());
  EXPECT_FALSE(memory.add_ram(~uint64_t{0} - 4095, 8192).ok());
}

TEST(GuestMemory, SixteenBitWords) {
  GuestMemory memory;
  ASSERT_TRUE(memory.add_ram(0, kMiB).ok());
  ASSERT_EQ(memory.store_u16(6, 0xabcd), SPORE_OK);
  uint16_t value = 0;
  ASSERT_EQ(memory.load_u16(6, value), SPORE_OK);
  EXPECT_EQ(value, 0xabcd);
  EXPECT_EQ(memory.load_u16(7, value), SPORE_E_INVALID);
  EXPECT_EQ(memory.load_u16(kMiB, value), SPORE_E_RANGE);
}

TEST(GuestMemory, AFileThatIsReadDoesNotFollowItsFile) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  const auto content = counting(5000);
  ASSERT_EQ(std::fwrite(content.data(), 1, content.size(), file), content.size());
  std::fflush(file);
  GuestMemory memory;
  ASSERT_TRUE(memory.add_ram(0, kMiB).ok());
  ASSERT_TRUE(memory.read_file(100, fileno(file), content.size()).ok()) << "no page needs to be aligned";
  std::rewind(file);
  std::fputs("other bytes", file);
  std::fflush(file);
  ASSERT_EQ(::ftruncate(fileno(file), 11), 0);
  std::vector<uint8_t> back(content.size());
  ASSERT_EQ(memory.read(100, back), SPORE_OK);
  EXPECT_EQ(back, content);
  EXPECT_EQ(memory.read_file(0, fileno(file), content.size()).error().status, SPORE_E_IO) << "the file is shorter now";
  EXPECT_EQ(memory.read_file(kMiB - 4, fileno(file), 5).error().status, SPORE_E_RANGE);
  std::fclose(file);
}

TEST(GuestMemory, AFileIsMappedNotCopiedAndWritesStayPrivate) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  const auto content = counting(5000);
  ASSERT_EQ(std::fwrite(content.data(), 1, content.size(), file), content.size());
  std::fflush(file);
  GuestMemory memory;
  ASSERT_TRUE(memory.add_ram(0, kMiB).ok());
  ASSERT_TRUE(memory.map_file(4096, fileno(file), 0, content.size()).ok());
  std::vector<uint8_t> back(content.size());
  ASSERT_EQ(memory.read(4096, back), SPORE_OK);
  EXPECT_EQ(back, content);
  const std::array<uint8_t, 1> changed{0xff};
  ASSERT_EQ(memory.write(4096, changed), SPORE_OK);
  std::rewind(file);
  EXPECT_EQ(std::fgetc(file), content[0]);
  // What does not fit and what is not aligned are told apart.
  const auto too_long = memory.map_file(kMiB - 4096, fileno(file), 0, content.size());
  ASSERT_FALSE(too_long.ok());
  EXPECT_EQ(too_long.error().text, "the file does not fit into guest RAM at GPA 1044480");
  const auto unaligned = memory.map_file(100, fileno(file), 0, 1);
  ASSERT_FALSE(unaligned.ok());
  EXPECT_EQ(unaligned.error().text,
            "a file's 1 bytes at offset 0 cannot be mapped at GPA 100: both have to be "
            "multiples of this host's page, 4096 bytes");
  ASSERT_TRUE(memory.map_file(0, fileno(file), 4096, 4).ok());
  std::array<uint8_t, 4> part{};
  ASSERT_EQ(memory.read(0, part), SPORE_OK);
  EXPECT_EQ(part[0], content[4096]);
  EXPECT_EQ(memory.map_file(0, fileno(file), 1, 4).error().status, SPORE_E_INVALID);
  std::fclose(file);
}

} // namespace
} // namespace sporehost
