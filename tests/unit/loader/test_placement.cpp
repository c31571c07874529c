#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/loader/placement.hpp"

namespace sporehost::loader {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMiB = 1u << 20;

TEST(PlaceInitrd, GoesToTheTopOfRam) {
  const auto gpa = place_initrd({512 * kMiB, 10 * kMiB + 1, 0xffffffff, 64 * kMiB});
  ASSERT_TRUE(gpa.ok());
  EXPECT_EQ(*gpa, 502 * kMiB - host_page_bytes());
}

// Its file is mapped there: a host of larger pages maps at multiples of those.
TEST(PlaceInitrd, StartsOnAPageOfTheHost) {
  for (const uint64_t page : {4096u, 16384u, 65536u}) {
    const auto gpa = place_initrd({512 * kMiB, 10 * kMiB + 1, 0xffffffff, 64 * kMiB, page});
    ASSERT_TRUE(gpa.ok());
    EXPECT_EQ(*gpa, 502 * kMiB - page);
    EXPECT_TRUE(place_initrd({128 * kMiB, 64 * kMiB - page, 0xffffffff, 64 * kMiB + 1, page}).ok());
    EXPECT_FALSE(place_initrd({128 * kMiB, 64 * kMiB - page + 1, 0xffffffff, 64 * kMiB + 1, page}).ok());
  }
}

TEST(PlaceInitrd, StaysBelowWhatTheKernelAccepts) {
  const auto gpa = place_initrd({3072 * kMiB, 16 * kMiB, 0x7fffffff, 64 * kMiB});
  ASSERT_TRUE(gpa.ok());
  EXPECT_EQ(*gpa, 2048 * kMiB - 16 * kMiB);
  EXPECT_TRUE(place_initrd({3072 * kMiB, 16 * kMiB, UINT64_MAX, 64 * kMiB}).ok());
}

TEST(PlaceInitrd, FitsExactlyOrNotAtAll) {
  EXPECT_EQ(*place_initrd({128 * kMiB, 64 * kMiB, 0xffffffff, 64 * kMiB}), 64 * kMiB);
  EXPECT_FALSE(place_initrd({128 * kMiB, 64 * kMiB + 1, 0xffffffff, 64 * kMiB}).ok());
  EXPECT_FALSE(place_initrd({128 * kMiB, 64 * kMiB, 0xffffffff, 64 * kMiB + 1}).ok());
}

TEST(PlaceInitrd, SaysWhatDoesNotFit) {
  const auto gpa = place_initrd({128 * kMiB, 90 * kMiB - 5, 0xffffffff, 64 * kMiB});
  ASSERT_FALSE(gpa.ok());
  EXPECT_EQ(gpa.error().status, SPORE_E_RANGE);
  EXPECT_THAT(gpa.error().text, HasSubstr("initrd of 90 MiB does not fit into 128 MiB of RAM"));
}

TEST(PlaceInitrd, DoesNotOverflow) {
  EXPECT_FALSE(place_initrd({512 * kMiB, UINT64_MAX, 0xffffffff, 0}).ok());
  EXPECT_FALSE(place_initrd({512 * kMiB, 1, 0xffffffff, UINT64_MAX}).ok());
  EXPECT_FALSE(place_initrd({512 * kMiB, 0, 0xffffffff, 0}).ok());
}

TEST(CheckKernelFits, HoldsBothBounds) {
  const std::vector<Segment> segments = {{16 * kMiB, {}, 40 * kMiB}, {60 * kMiB, {}, 4 * kMiB}};
  EXPECT_TRUE(check_kernel_fits(segments, kMiB, 64 * kMiB).ok());
  const auto small = check_kernel_fits(segments, kMiB, 63 * kMiB);
  ASSERT_FALSE(small.ok());
  EXPECT_THAT(small.error().text, HasSubstr("reaches up to 64 MiB but RAM for it ends at 63 MiB"));
  EXPECT_FALSE(check_kernel_fits(segments, 17 * kMiB, 64 * kMiB).ok());
}

} // namespace
} // namespace sporehost::loader
