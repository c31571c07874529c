#include "core/lifecycle/memory_count.hpp"

#include <gtest/gtest.h>

#include "core/base/size.hpp"

namespace sporehost {
namespace {

constexpr uint64_t kBoot = 480 * kMiB; // MemTotal of a guest with 512 MiB
constexpr uint64_t kSecond = 1'000'000'000;

TEST(MemoryCount, NothingIsCompleteBeforeTheFirstAnswer) {
  EXPECT_FALSE(MemoryCount().complete(0, 0, 100 * kSecond));
}

TEST(MemoryCount, PluggedIsNotYetInUse) {
  MemoryCount count;
  count.hello(kBoot, 0, kSecond);
  EXPECT_TRUE(count.complete(0, 0, kSecond)) << "nothing was asked for";
  EXPECT_FALSE(count.complete(512 * kMiB, kGiB, 2 * kSecond)) << "half of it is plugged";
  EXPECT_FALSE(count.complete(kGiB, kGiB, 60 * kSecond)) << "all of it, but the guest has none of it";
  count.total(kBoot + kGiB, 60 * kSecond);
  EXPECT_TRUE(count.complete(kGiB, kGiB, 60 * kSecond));
}

TEST(MemoryCount, WhatWasPluggedBeforeTheFirstAnswerIsPartOfIt) {
  MemoryCount count;
  count.hello(kBoot + kGiB, kGiB, kSecond);
  EXPECT_TRUE(count.complete(kGiB, kGiB, kSecond));
  EXPECT_FALSE(count.complete(3 * kGiB, 3 * kGiB, kSecond));
  count.total(kBoot + 3 * kGiB, 2 * kSecond);
  EXPECT_TRUE(count.complete(3 * kGiB, 3 * kGiB, 2 * kSecond));
}

TEST(MemoryCount, AShrinkThatCannotBeHadInFullLacksNothing) {
  MemoryCount count;
  count.hello(kBoot, 0, kSecond);
  count.total(kBoot + 2 * kMiB, 2 * kSecond);
  EXPECT_TRUE(count.complete(2 * kMiB, 0, 2 * kSecond));
}

// memmap_on_memory: 1/64 of each block never counts; that is complete once nothing more comes.
TEST(MemoryCount, BlocksThatKeepTheirOwnBook) {
  MemoryCount count;
  count.hello(kBoot, 0, kSecond);
  const uint64_t usable = kGiB - kGiB / 64;
  count.total(kBoot + usable, 10 * kSecond);
  EXPECT_FALSE(count.complete(kGiB, kGiB, 11 * kSecond)) << "more may come";
  count.total(kBoot + usable, 11 * kSecond);
  EXPECT_TRUE(count.complete(kGiB, kGiB, 10 * kSecond + MemoryCount::kSettledNs)) << "the same again is no change";
  count.hello(kBoot, 0, 20 * kSecond);
  count.total(kBoot + usable - kMiB, 21 * kSecond);
  EXPECT_FALSE(count.complete(kGiB, kGiB, 99 * kSecond)) << "a block is missing";
}

} // namespace
} // namespace sporehost
