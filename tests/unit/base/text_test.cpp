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

TEST(Text, QuoteShowsNoControlAndNoBrokenCharacter) {
  EXPECT_EQ(quote("\xc2\x9b"
                  "1m \xff"),
            "'?1m ?'");
  EXPECT_EQ(quote("\u00e9 \u202e"), "'\u00e9 ?'");
}

TEST(Text, QuoteNeverCutsACharacter) {
  EXPECT_EQ(quote(std::string(59, 'x') + "\u00e9tail"), "'" + std::string(59, 'x') + "...'");
}

TEST(Text, PrintableIsOneLineOfGoodUtf8) {
  EXPECT_EQ(printable("plain, \u00e4\u20ac\U0001F600"), "plain, \u00e4\u20ac\U0001F600");
  EXPECT_EQ(printable("a\nb\tc\rd\x1b[31m\x7f"), "a b c d?[31m?");
  EXPECT_EQ(printable(std::string("a\0b", 3)), "a?b");
  EXPECT_EQ(printable("\xc2\x9b"
                      "1m"),
            "?1m"); // a C1 control: CSI in one character
  EXPECT_EQ(printable("\u202e"
                      "evil\u2028"),
            "?evil?");                                // right to left; line separator
  EXPECT_EQ(printable("\xff\xc0\x80\xe4x"), "????x"); // never UTF-8, overlong, cut within
  EXPECT_EQ(printable("\xed\xa0\x80\xf5"), "????");   // a surrogate, beyond the last character
  EXPECT_EQ(printable("end \xe2\x82"), "end ");       // cut off
}

TEST(Text, CutsBetweenCharacters) {
  EXPECT_EQ(cut_text("a\u00e4", 2), "a");
  EXPECT_EQ(cut_text("a\u00e4", 3), "a\u00e4");
  EXPECT_EQ(cut_text("", 0), "");
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
