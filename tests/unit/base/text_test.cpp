#include "core/base/text.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sporehost {
namespace {

TEST(Text, QuotesOnOneLine) {
  EXPECT_EQ(quote("a\nb\x1b[31m"), "'a?b?[31m'");
  EXPECT_EQ(quote(std::string(60, 'x')), "'" + std::string(60, 'x') + "'");
  EXPECT_EQ(quote(std::string(61, 'x')), "'" + std::string(60, 'x') + "...'");
}

TEST(Text, QuoteNeverCutsACharacter) {
  EXPECT_EQ(quote(std::string(59, 'x') + "\u00e9tail"), "'" + std::string(59, 'x') + "...'");
}

TEST(Text, ClosestMatchFindsTypingMistakesOnly) {
  const std::vector<std::string> words = {"memory", "kernel", "devices", "cpus"};
  EXPECT_EQ(closest_match("memroy", words), "memory");
  EXPECT_EQ(closest_match("Kernel", words), "kernel");
  EXPECT_EQ(closest_match("device", words), "devices");
  EXPECT_EQ(closest_match("cpu", words), "cpus");
  EXPECT_EQ(closest_match("network", words), "");
  EXPECT_EQ(closest_match("", words), "");
  EXPECT_EQ(closest_match(std::string(100000, 'm'), words), "");
  EXPECT_EQ(did_you_mean("memroy", words), " (did you mean 'memory'?)");
  EXPECT_EQ(did_you_mean("network", words), "");
}

TEST(Text, JoinsWithOr) {
  EXPECT_EQ(join_or(std::vector<std::string>{"a"}), "a");
  EXPECT_EQ(join_or(std::vector<std::string>{"a", "b"}), "a or b");
  EXPECT_EQ(join_or(std::vector<std::string>{"a", "b", "c"}), "a, b or c");
}

} // namespace
} // namespace sporehost
