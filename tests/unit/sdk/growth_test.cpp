// The helpers of SDK-26: what both sides know is passed on, whichever is older, and nothing else.
#include <sporehost/abi.h>
#include <sporehost/host.h>

#include <gtest/gtest.h>

namespace {

// A struct that has grown twice: by `second`, then by `third`.
struct V1 {
  uint32_t size;
  uint32_t first;
};
struct V3 {
  uint32_t size;
  uint32_t first;
  uint64_t second;
  uint64_t third;
};
constexpr uint32_t kLeast = sizeof(V1);

TEST(Growth, TakingAnOlderStructZeroesWhatItDoesNotHave) {
  const V1 theirs{sizeof(V1), 7};
  V3 own{1, 2, 3, 4};
  EXPECT_EQ(spore_take(&own, &theirs, sizeof own, kLeast), 1);
  EXPECT_EQ(own.size, sizeof own);
  EXPECT_EQ(own.first, 7u);
  EXPECT_EQ(own.second, 0u);
  EXPECT_EQ(own.third, 0u);
}

TEST(Growth, TakingANewerStructLeavesOutWhatOneDoesNotKnow) {
  const V3 theirs{sizeof(V3), 7, 8, 9};
  struct {
    V1 own;
    uint64_t behind;
  } mine{{}, 0x5a5a};
  EXPECT_EQ(spore_take(&mine.own, &theirs, sizeof mine.own, kLeast), 1);
  EXPECT_EQ(mine.own.size, sizeof(V1));
  EXPECT_EQ(mine.own.first, 7u);
  EXPECT_EQ(mine.behind, 0x5a5au);
}

TEST(Growth, FillingWritesTheSmallerOfTheTwoAndLeavesTheSize) {
  struct {
    V1 theirs;
    uint64_t behind;
  } older{{sizeof(V1), 0}, 0x5a5a};
  const V3 own{sizeof(V3), 7, 8, 9};
  EXPECT_EQ(spore_fill(&older.theirs, &own, sizeof own, kLeast), 1);
  EXPECT_EQ(older.theirs.size, sizeof(V1));
  EXPECT_EQ(older.theirs.first, 7u);
  EXPECT_EQ(older.behind, 0x5a5au);

  V3 newer{sizeof(V3), 1, 2, 3};
  const V1 short_own{sizeof(V1), 7};
  EXPECT_EQ(spore_fill(&newer, &short_own, sizeof short_own, kLeast), 1);
  EXPECT_EQ(newer.size, sizeof(V3));
  EXPECT_EQ(newer.first, 7u);
  EXPECT_EQ(newer.second, 2u) << "the caller's, who zeroed it";
}

TEST(Growth, ASizeThatIsNotSetIsRefused) {
  for (const uint32_t size : {uint32_t{0}, uint32_t{4}, kLeast - 1}) {
    const V3 theirs{size, 7, 8, 9};
    V3 own{1, 2, 3, 4};
    EXPECT_EQ(spore_take(&own, &theirs, sizeof own, kLeast), 0) << size;
    EXPECT_EQ(own.size, 0u);
    EXPECT_EQ(own.first, 0u);
    V3 to{size, 1, 2, 3};
    EXPECT_EQ(spore_fill(&to, &own, sizeof own, kLeast), 0) << size;
    EXPECT_EQ(to.first, 1u);
  }
}

TEST(Growth, SizesBetweenTwoVersionsAreServed) {
  V3 theirs{offsetof(V3, third), 7, 8, 9};
  V3 own{};
  EXPECT_EQ(spore_take(&own, &theirs, sizeof own, kLeast), 1);
  EXPECT_EQ(own.second, 8u);
  EXPECT_EQ(own.third, 0u);
  EXPECT_TRUE(SPORE_HAS(&theirs, second));
  EXPECT_FALSE(SPORE_HAS(&theirs, third));
}

TEST(Texts, AreCutAtTheEndOfACharacter) {
  const std::string text = "a\u00e4\u20ac\U0001F600"; // 1, 2, 3 and 4 bytes
  for (uint64_t capacity = 0; capacity <= text.size() + 2; ++capacity) {
    std::string buffer(text.size() + 4, '?');
    spore_text to{buffer.data(), capacity, 99};
    spore_put(&to, text.data(), text.size());
    const uint64_t expected = capacity >= 10 ? 10 : capacity >= 6 ? 6 : capacity >= 3 ? 3 : capacity >= 1 ? 1 : 0;
    EXPECT_EQ(to.length, expected) << capacity;
    EXPECT_EQ(buffer.substr(0, to.length), text.substr(0, expected));
    EXPECT_EQ(buffer[to.length], '?') << "no NUL, nothing behind";
  }
  spore_text none{nullptr, 0, 1};
  spore_put(&none, text.data(), text.size());
  EXPECT_EQ(none.length, 0u) << "a capacity of 0: nobody wants it";
}

TEST(Texts, ANameIsCompared) {
  const std::string longer = "sporehost.machine/12";
  EXPECT_TRUE(spore_is({longer.data(), longer.size() - 1}, SPORE_MACHINE_1)) << "no NUL is needed";
  EXPECT_FALSE(spore_is({longer.data(), longer.size()}, SPORE_MACHINE_1));
  EXPECT_FALSE(spore_is({nullptr, 0}, SPORE_MACHINE_1));
  EXPECT_TRUE(spore_is({nullptr, 0}, ""));
}

} // namespace
