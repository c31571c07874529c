#include "core/base/whole_number.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace sporehost {
namespace {

TEST(WholeNumber, TakesAllOfTheText) {
  EXPECT_EQ(whole_number<uint32_t>("64"), 64U);
  EXPECT_EQ(whole_number<uint32_t>("007"), 7U);
  EXPECT_EQ(whole_number<uint32_t>("0000ffff", 16), 0xffffU);
  EXPECT_EQ(whole_number<int>("-1"), -1);
  for (const char* text : {"", " 1", "1 ", "+1", "-1", "0x1", "1k", "one"})
    EXPECT_FALSE(whole_number<uint32_t>(text)) << text;
}

TEST(WholeNumber, RefusesWhatDoesNotFit) {
  EXPECT_EQ(whole_number<uint32_t>("4294967295"), UINT32_MAX);
  EXPECT_FALSE(whole_number<uint32_t>("4294967296"));
  EXPECT_FALSE(whole_number<uint32_t>("99999999999999999999"));
}

} // namespace
} // namespace sporehost
