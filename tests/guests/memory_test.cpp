// Guest memory that comes and goes, memory that cannot be written, and requests that make no sense.
#include <gmock/gmock.h>
#include <sys/mman.h>

#include <algorithm>
#include <random>
#include <thread>

#include "tests/guests/guest_test.hpp"

namespace guests {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint32_t kReadWrite = SPORE_MAP_READ | SPORE_MAP_WRITE;
constexpr uint64_t kPage = 4096;

TEST_F(GuestTest, MemoryComesAndGoesWhileTheGuestRuns) {
  boot("hot_memory");
  const Pages hot(kRamBytes);
  hot.at<uint64_t>(0) = 0x1234567890abcdef;
  machine.answer = [](Kind, uint64_t, uint32_t) { return 0xdead; };

  spore::Result<void> mapped, unmapped;
  std::thread host([&] {
    if (!machine.wait_for_marks(1)) return; // the guest spins from here on
    mapped = machine.map(kHot, hot.data(), kRamBytes, kReadWrite);
    machine.ram().at<uint64_t>(kFlags) = 1;
    for (int i = 0; i < 10'000 && hot.at<uint64_t>(8) != 0x600d; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    unmapped = machine.unmap(kHot, kRamBytes);
    machine.ram().at<uint64_t>(kFlags) = 2;
  });
  const bool done = machine.run_to_done();
  host.join();
  ASSERT_TRUE(done) << machine.error();
  ASSERT_TRUE(mapped) << mapped.error().text;
  ASSERT_TRUE(unmapped) << unmapped.error().text;

  EXPECT_EQ(machine.ram().at<uint64_t>(kResults), 0x1234567890abcdefU);
  EXPECT_EQ(hot.at<uint64_t>(8), 0x600dU);
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults + 8), 0xdeadU) << "the guest still reached unmapped memory";
  EXPECT_THAT(machine.accesses(), ElementsAre(Access{Kind::kMmioRead, kHot, 8, 0xdead}));
}

TEST_F(GuestTest, UnmappedMemoryIsMmio) {
  boot("hot_access");
  machine.answer = [](Kind, uint64_t address, uint32_t) { return address == kHot ? 0x11 : 0x22; };
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_THAT(machine.accesses(),
              ElementsAre(Access{Kind::kMmioRead, kHot, 8, 0x11}, Access{Kind::kMmioWrite, kHot + 8, 8, 0xabcd},
                          Access{Kind::kMmioRead, kHot + 8, 8, 0x22}));
}

TEST_F(GuestTest, WritesToReadOnlyMemoryAreMmio) {
  boot("hot_access");
  const Pages hot(kPage);
  hot.at<uint64_t>(0) = 0x77;
  hot.at<uint64_t>(8) = 0x88;
  const auto mapped = machine.map(kHot, hot.data(), kPage, SPORE_MAP_READ);
  if (!mapped && mapped.error().status == SPORE_E_UNSUPPORTED) GTEST_SKIP() << mapped.error().text;
  ASSERT_TRUE(mapped) << mapped.error().text;
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_THAT(machine.accesses(), ElementsAre(Access{Kind::kMmioWrite, kHot + 8, 8, 0xabcd}));
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults), 0x77U);
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults + 8), 0x88U) << "the write went through";
  EXPECT_EQ(hot.at<uint64_t>(8), 0x88U);
}

TEST_F(GuestTest, MappingsThatMakeNoSenseAreRefused) {
  ASSERT_TRUE(machine.open(1));
  const Pages pages(16 * kPage);
  const auto status = [&](uint64_t gpa, void* host, uint64_t bytes, uint32_t flags = kReadWrite) {
    const auto mapped = machine.map(gpa, host, bytes, flags);
    if (mapped) return static_cast<spore_status>(SPORE_OK);
    EXPECT_THAT(mapped.error().text, HasSubstr("guest memory 0x"));
    return mapped.error().status;
  };
  EXPECT_EQ(status(kHot + 1, pages.data(), kPage), SPORE_E_INVALID);
  EXPECT_EQ(status(kHot, pages.data() + 8, kPage), SPORE_E_INVALID);
  EXPECT_EQ(status(kHot, pages.data(), kPage - 1), SPORE_E_INVALID);
  EXPECT_EQ(status(kHot, pages.data(), 0), SPORE_E_INVALID);
  EXPECT_EQ(status(kHot, nullptr, kPage), SPORE_E_INVALID);
  EXPECT_EQ(status(kHot, pages.data(), kPage, SPORE_MAP_WRITE), SPORE_E_UNSUPPORTED);
  EXPECT_EQ(status(kGpaEnd, pages.data(), kPage), SPORE_E_RANGE);
  EXPECT_EQ(status(kGpaEnd - kPage, pages.data(), 2 * kPage), SPORE_E_RANGE);
  EXPECT_EQ(status(~uint64_t{0} - kPage + 1, pages.data(), kPage), SPORE_E_RANGE) << "gpa + bytes wraps to 0";
  EXPECT_EQ(status(~uint64_t{0} - kPage + 1, pages.data(), 2 * kPage), SPORE_E_RANGE) << "and beyond";

  ASSERT_EQ(status(kHot + 4 * kPage, pages.data(), 4 * kPage), SPORE_OK);
  EXPECT_EQ(status(kHot + 4 * kPage, pages.data(), 4 * kPage), SPORE_E_EXISTS);
  EXPECT_EQ(status(kHot + 7 * kPage, pages.data(), kPage), SPORE_E_EXISTS);
  EXPECT_EQ(status(kHot + 2 * kPage, pages.data(), 3 * kPage), SPORE_E_EXISTS);
  EXPECT_EQ(status(kHot, pages.data(), 16 * kPage), SPORE_E_EXISTS);
  EXPECT_EQ(status(kHot + 3 * kPage, pages.data(), kPage), SPORE_OK) << "it ends where the other begins";
  EXPECT_EQ(status(kHot + 8 * kPage, pages.data(), kPage), SPORE_OK) << "it begins where the other ends";

  const auto unmap_status = [&](uint64_t gpa, uint64_t bytes) {
    const auto unmapped = machine.unmap(gpa, bytes);
    return unmapped ? static_cast<spore_status>(SPORE_OK) : unmapped.error().status;
  };
  EXPECT_EQ(unmap_status(kHot, kPage), SPORE_E_NOT_FOUND);
  EXPECT_EQ(unmap_status(kHot + 5 * kPage, kPage), SPORE_E_NOT_FOUND) << "the middle of a mapping";
  EXPECT_EQ(unmap_status(kHot + 4 * kPage, kPage), SPORE_E_INVALID) << "half a mapping";
  EXPECT_EQ(unmap_status(kHot + 4 * kPage, 4 * kPage), SPORE_OK);
  EXPECT_EQ(unmap_status(kHot + 4 * kPage, 4 * kPage), SPORE_E_NOT_FOUND) << "twice";
}

TEST_F(GuestTest, MappingBeforeOpenIsRefused) {
  const Pages page(kPage);
  const auto mapped = machine.map(0, page.data(), kPage, kReadWrite);
  ASSERT_FALSE(mapped);
  EXPECT_EQ(mapped.error().status, SPORE_E_STATE);
}

// Memory that the host has made inaccessible, as it does with what is unplugged, must not harm the host. A processor
// that runs the guest itself stops it; a KVM that emulates the access makes it MMIO.
TEST_F(GuestTest, InaccessibleHostMemoryIsAFaultOrMmio) {
  boot("hot_access");
  const Pages hot(kPage);
  hot.at<uint64_t>(0) = 0x5ec7e7;
  ASSERT_EQ(::mprotect(hot.data(), kPage, PROT_NONE), 0);
  ASSERT_TRUE(machine.map(kHot, hot.data(), kPage, kReadWrite));
  const auto exit = machine.run();
  ASSERT_TRUE(exit) << machine.error();
  if (exit->reason == SPORE_EXIT_FAULT) {
    EXPECT_THAT(exit->text, HasSubstr("not accessible"));
    EXPECT_GE(exit->address, kOrigin);
    EXPECT_LT(exit->address, kOrigin + 16) << "the instruction did not happen";
    EXPECT_TRUE(machine.accesses().empty());
  } else {
    EXPECT_THAT(machine.accesses(), Contains(Access{Kind::kMmioRead, kHot, 8, 0}));
  }
  EXPECT_NE(machine.ram().at<uint64_t>(kResults), 0x5ec7e7U) << "the guest read what it must not reach";
}

// 16 GiB in slots of 128 MiB are 128 slots. Twice as many as that nearly, coming and going, and the guest sees the
// last.
TEST_F(GuestTest, TwoHundredSlotsComeAndGoInRandomOrder) {
  boot("hot_access");
  constexpr uint64_t kSlots = 200, kStride = 2 * kPage;
  const Pages pages(kSlots * kPage);
  std::vector<uint64_t> order(kSlots);
  for (uint64_t i = 0; i < kSlots; ++i) {
    order[i] = i;
    pages.at<uint64_t>(i * kPage) = 1000 + i;
  }
  const auto map = [&](uint64_t i) {
    const auto mapped = machine.map(kHot + i * kStride, pages.data() + i * kPage, kPage, kReadWrite);
    return mapped ? std::string() : mapped.error().text;
  };
  std::mt19937 random(20240607);
  for (int round = 0; round < 3; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const uint64_t i : order) ASSERT_EQ(map(i), "");
    std::shuffle(order.begin(), order.end(), random);
    for (const uint64_t i : order) ASSERT_TRUE(machine.unmap(kHot + i * kStride, kPage));
  }
  std::shuffle(order.begin(), order.end(), random);
  for (const uint64_t i : order) ASSERT_EQ(map(i), "");
  for (uint64_t i = 1; i < kSlots; i += 2) ASSERT_TRUE(machine.unmap(kHot + i * kStride, kPage));
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults), 1000U);
  EXPECT_EQ(pages.at<uint64_t>(8), 0xabcdU);
  EXPECT_TRUE(machine.accesses().empty());
}

} // namespace
} // namespace guests
