#include "core/base/assertion.hpp"

#include <gtest/gtest.h>

namespace sporehost {
namespace {

TEST(AssertionDeathTest, HoldsInEveryBuildAndSaysWhatDidNot) {
  const int size = 3;
  SPORE_ASSERT(size > 2);
  EXPECT_DEATH(SPORE_ASSERT(size > 3), "a defect: .*assertion_test.cpp:[0-9]+: size > 3 does not hold");
}

} // namespace
} // namespace sporehost
