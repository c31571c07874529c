#include "core/base/size.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace sporehost {
namespace {

std::string size_error(std::string_view text) {
  auto result = parse_size(text);
  return result ? "accepted as " + std::to_string(*result) : result.error().text;
}

std::string duration_error(std::string_view text) {
  auto result = parse_duration(text);
  return result ? "accepted as " + std::to_string(*result) : result.error().text;
}

TEST(Size, AcceptsTheDocumentedSpellings) {
  const std::vector<std::pair<std::string, uint64_t>> cases = {
      {"512MiB", 536870912},
      {"16GiB", 17179869184},
      {"4KiB", 4096},
      {"1TiB", 1099511627776},
      {"512M", 536870912},
      {"16G", 17179869184},
      {"4K", 4096},
      {"1T", 1099511627776},
      {"1048576", 1048576},
      {"0", 0},
      {"0MiB", 0},
      {"512 MiB", 536870912},
      {" 512\tMiB ", 536870912},
      {"15872MiB", 16642998272},
  };
  for (const auto& [text, bytes] : cases) {
    auto result = parse_size(text);
    ASSERT_TRUE(result.ok()) << text << ": " << result.error().text;
    EXPECT_EQ(*result, bytes) << text;
  }
}

TEST(Size, RefusesWithTheSpellingToWrite) {
  EXPECT_EQ(size_error("512MB"), "'512MB' is not a size: unit 'MB' is not accepted; write 512MiB");
  EXPECT_EQ(size_error("16GB"), "'16GB' is not a size: unit 'GB' is not accepted; write 16GiB");
  EXPECT_EQ(size_error("16g"), "'16g' is not a size: unit 'g' is not accepted; write 16GiB");
  EXPECT_EQ(size_error("4kib"), "'4kib' is not a size: unit 'kib' is not accepted; write 4KiB");
  EXPECT_EQ(size_error("1Ti"), "'1Ti' is not a size: unit 'Ti' is not accepted; write 1TiB");
  EXPECT_EQ(
      size_error("1.5GiB"),
      "'1.5GiB' is not a size: fractions are not accepted; write a whole number of a smaller unit, such as 1536MiB");
  EXPECT_EQ(size_error("5 bananas"), "'5 bananas' is not a size: unknown unit 'bananas'; write KiB, MiB, GiB or TiB");
  EXPECT_EQ(size_error("1PiB"), "'1PiB' is not a size: unknown unit 'PiB'; write KiB, MiB, GiB or TiB");
  const std::string words = " is not a size: write a whole number and KiB, MiB, GiB or TiB, such as 512MiB";
  EXPECT_EQ(size_error(""), "''" + words);
  EXPECT_EQ(size_error("MiB"), "'MiB'" + words);
  EXPECT_EQ(size_error("-1MiB"), "'-1MiB'" + words);
  EXPECT_EQ(size_error("+1MiB"), "'+1MiB'" + words);
  EXPECT_EQ(size_error("0x10"), "'0x10' is not a size: unknown unit 'x10'; write KiB, MiB, GiB or TiB");
  EXPECT_EQ(size_error("1 2MiB"), "'1 2MiB' is not a size: unknown unit '2MiB'; write KiB, MiB, GiB or TiB");
  EXPECT_EQ(parse_size("512MB").error().status, SPORE_E_INVALID);
}

// 2^44 MiB is 2^64 bytes: a multiplication that wraps makes a region of 0 bytes of it.
TEST(Size, AMibibyteCountThatWrapsToZeroBytesIsAnError) {
  EXPECT_EQ(size_error("17592186044416MiB"), "'17592186044416MiB' is too large: it does not fit into 64 bits");
  EXPECT_EQ(parse_size("17592186044416MiB").error().status, SPORE_E_RANGE);
  EXPECT_EQ(*parse_size("17592186044415MiB"), uint64_t{17592186044415} << 20);
}

TEST(Size, HoldsTheWholeRangeOf64BitsAndNotMore) {
  EXPECT_EQ(*parse_size("18446744073709551615"), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(parse_size("18446744073709551616").error().status, SPORE_E_RANGE);
  EXPECT_EQ(*parse_size("16777215TiB"), uint64_t{16777215} << 40);
  EXPECT_EQ(parse_size("16777216TiB").error().status, SPORE_E_RANGE);
  EXPECT_EQ(parse_size(std::string(5000, '9') + "GiB").error().status, SPORE_E_RANGE);
}

TEST(Size, FormatsExactlyInTheLargestUnitThatDivides) {
  EXPECT_EQ(format_size(536870912), "512MiB");
  EXPECT_EQ(format_size(uint64_t{16} << 30), "16GiB");
  EXPECT_EQ(format_size(uint64_t{15872} << 20), "15872MiB");
  EXPECT_EQ(format_size(uint64_t{1536} << 20), "1536MiB");
  EXPECT_EQ(format_size(4096), "4KiB");
  EXPECT_EQ(format_size(1000), "1000");
  EXPECT_EQ(format_size(0), "0");
  EXPECT_EQ(format_size(kTiB), "1TiB");
  EXPECT_EQ(format_size(std::numeric_limits<uint64_t>::max()), "18446744073709551615");
}

TEST(Size, WhatIsFormattedReadsBack) {
  for (uint64_t bytes :
       {uint64_t{0}, uint64_t{1}, uint64_t{1023}, kKiB, kMiB + 1, kGiB * 3, kTiB * 7 + kGiB, ~uint64_t{0}})
    EXPECT_EQ(*parse_size(format_size(bytes)), bytes);
}

TEST(Duration, AcceptsTheDocumentedSpellings) {
  EXPECT_EQ(*parse_duration("500ms"), 500u);
  EXPECT_EQ(*parse_duration("30s"), 30'000u);
  EXPECT_EQ(*parse_duration("2min"), 120'000u);
  EXPECT_EQ(*parse_duration("1h"), 3'600'000u);
  EXPECT_EQ(*parse_duration("10 s"), 10'000u);
  EXPECT_EQ(*parse_duration("0s"), 0u);
}

TEST(Duration, RefusesWithTheSpellingToWrite) {
  EXPECT_EQ(duration_error("30"),
            "'30' is not a duration: the unit is missing; write 30s for seconds or 30ms for milliseconds");
  EXPECT_EQ(duration_error("2m"), "'2m' is not a duration: unknown unit 'm'; write ms, s, min or h");
  EXPECT_EQ(
      duration_error("1.5s"),
      "'1.5s' is not a duration: fractions are not accepted; write a whole number of a smaller unit, such as 1500ms");
  EXPECT_EQ(duration_error("soon"), "'soon' is not a duration: write a whole number and ms, s, min or h, such as 30s");
  EXPECT_EQ(duration_error("18446744073709551615h"),
            "'18446744073709551615h' is too large: it does not fit into 64 bits");
}

TEST(Duration, Formats) {
  EXPECT_EQ(format_duration(30'000), "30s");
  EXPECT_EQ(format_duration(1'500), "1500ms");
  EXPECT_EQ(format_duration(120'000), "2min");
  EXPECT_EQ(format_duration(7'200'000), "2h");
  EXPECT_EQ(format_duration(0), "0ms");
}

} // namespace
} // namespace sporehost
