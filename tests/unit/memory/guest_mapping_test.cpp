#include "core/memory/guest_mapping.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "core/base/page.hpp"
#include "core/memory/guest_memory.hpp"
#include "tests/support/fake_slot_mapper.hpp"

namespace sporehost {
namespace {

constexpr uint64_t kMiB = 1u << 20;
constexpr uint64_t kGiB = 1u << 30;

// What a mapping must agree on with its GPA for KVM to use large pages.
uint64_t place(uint64_t address) {
  return address % large_page_bytes(host_page_bytes());
}
uint64_t place(const void* host) {
  return place(static_cast<uint64_t>(reinterpret_cast<uintptr_t>(host)));
}

// VmFlags of the mapping that holds `host`, from /proc/self/smaps; empty where there is none.
std::set<std::string> flags_of(const void* host) {
  const auto wanted = reinterpret_cast<uintptr_t>(host);
  std::ifstream smaps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(smaps, line);) {
    unsigned long start = 0, end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &start, &end) == 2) here = start <= wanted && wanted < end;
    if (!here || !line.starts_with("VmFlags:")) continue;
    std::istringstream words(line.substr(8));
    return {std::istream_iterator<std::string>(words), {}};
  }
  return {};
}

// Out of core dumps, not inherited, huge pages asked for (where the kernel has them at all).
void expect_marked(const void* host, const char* what) {
#ifdef SPORE_EMULATED_PROCESSOR
  (void)host;
  GTEST_SKIP() << what << ": /proc/self/smaps is the emulator's";
#else
  const auto flags = flags_of(host);
  ASSERT_FALSE(flags.empty()) << what << " is in no mapping";
  EXPECT_TRUE(flags.contains("dd")) << what << " would be in a core dump";
  EXPECT_TRUE(flags.contains("dc")) << what << " would be copied into a forked child";
  const bool offered = ::access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) == 0;
  EXPECT_EQ(flags.contains("hg"), offered) << what << " and huge pages";
#endif
}

TEST(GuestMapping, HostAndGuestAddressAgreeModuloALargePage) {
  const uint64_t page = host_page_bytes();
  for (const uint64_t gpa : {uint64_t{0}, page, 2 * kMiB - page, kGiB + 37 * page, 4 * kGiB, 4 * kGiB + 130 * kMiB}) {
    for (const uint64_t bytes : {page, 3 * page, 2 * kMiB, 2 * kMiB + page, 7 * kMiB}) {
      const auto mapping = map_guest_range(gpa, bytes, GuestAccess::read_write, "a test");
      ASSERT_TRUE(mapping.ok()) << mapping.error().text;
      EXPECT_EQ(place(mapping.value().data()), place(gpa)) << bytes << " bytes at " << gpa;
      EXPECT_EQ(mapping.value().size(), bytes);
      mapping.value().data()[0] = 1; // both ends are there
      mapping.value().data()[bytes - 1] = 1;
    }
  }
}

TEST(GuestMapping, RamAndElasticRegionAreAlignedAndMarked) {
  testing::FakeSlotMapper mapper;
  GuestMemory memory;
  const uint64_t page = host_page_bytes();
  ASSERT_TRUE(memory.add_ram(8 * kMiB + 3 * page, 10 * page).ok());
  ASSERT_TRUE(memory.add_ram(16 * kMiB + page, 5 * kMiB).ok());
  auto region = ElasticRegion::create({4 * kGiB + 6 * kMiB, 16 * kMiB, 2 * kMiB, 8 * kMiB}, mapper);
  ASSERT_TRUE(region.ok());
  ASSERT_TRUE(memory.add_elastic(std::move(region).value()).ok());
  for (const auto& ram : memory.ram()) {
    EXPECT_EQ(place(ram.mapping.data()), place(ram.gpa));
    expect_marked(ram.mapping.data(), "RAM");
  }
  // Each slot is a mapping of its own as soon as its access rights differ from its neighbour's.
  ASSERT_TRUE(memory.elastic()->plug(8 * kMiB, 2 * kMiB).ok());
  ASSERT_EQ(mapper.mapped.size(), 1u);
  for (const auto& [gpa, slot] : mapper.mapped) {
    EXPECT_EQ(place(slot.host), place(gpa));
    expect_marked(slot.host, "a slot");
    expect_marked(static_cast<uint8_t*>(slot.host) - page, "the slot before it");
  }
}

// A guest that touches little is not to pay for a large page there, but for those behind it.
TEST(GuestMapping, OnlyTheFirstLargePageOfAllIsOfSmallOnes) {
#ifdef SPORE_EMULATED_PROCESSOR
  GTEST_SKIP() << "/proc/self/smaps is the emulator's";
#endif
  const uint64_t large = large_page_bytes(host_page_bytes());
  const auto mapping = map_guest_range(0, 2 * large, GuestAccess::read_write, "a test");
  ASSERT_TRUE(mapping.ok());
  const auto first = flags_of(mapping.value().data());
  EXPECT_FALSE(first.contains("hg"));
  EXPECT_TRUE(first.contains("dd") && first.contains("dc"));
  EXPECT_FALSE(flags_of(mapping.value().data() + large - 1).contains("hg"));
  expect_marked(mapping.value().data() + large, "the second large page");
}

TEST(GuestMapping, AFilesPagesAreMarkedToo) {
  GuestMemory memory;
  const uint64_t page = host_page_bytes();
  ASSERT_TRUE(memory.add_ram(kGiB, 4 * page).ok());
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(::ftruncate(fileno(file), static_cast<off_t>(page)), 0);
  ASSERT_TRUE(memory.map_file(kGiB + page, fileno(file), 0, page).ok());
  std::fclose(file);
  expect_marked(memory.ram().front().mapping.data() + page, "a file's page");
}

TEST(GuestMapping, MoreThanTheHostHasIsReservedAndCostsNothing) {
  const auto mapping = map_guest_range(0, 256 * kGiB, GuestAccess::none, "a test");
  ASSERT_TRUE(mapping.ok()) << mapping.error().text;
}

TEST(GuestMapping, NoRoomIsAnErrorThatNamesWhatItWasFor) {
  const auto mapping = map_guest_range(0, uint64_t{1} << 62, GuestAccess::none, "guest RAM");
  ASSERT_FALSE(mapping.ok());
  EXPECT_EQ(mapping.error().status, SPORE_E_NO_MEMORY);
  EXPECT_NE(mapping.error().text.find("of guest RAM: "), std::string::npos) << mapping.error().text;
  EXPECT_NE(mapping.error().text.find("ask for less memory"), std::string::npos) << mapping.error().text;
}

TEST(HostPage, ALargePageIsATablesWorthOfPages) {
  EXPECT_EQ(large_page_bytes(4096), 2 * kMiB);
  EXPECT_EQ(large_page_bytes(16384), 32 * kMiB);
  EXPECT_EQ(large_page_bytes(65536), 512 * kMiB);
}

} // namespace
} // namespace sporehost
