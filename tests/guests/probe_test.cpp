// What the backend says of itself, also where it cannot work.
#include <gmock/gmock.h>

#include "tests/guests/guest_test.hpp"

namespace guests {
namespace {

using ::testing::HasSubstr;

#if defined(__x86_64__)
constexpr const char* kAdvice = "modprobe";
#else
constexpr const char* kAdvice = "EL2";
#endif
constexpr uint64_t kFitRate = 20'000'000;

TEST(ProbeTest, AMissingDeviceIsAnAnswerThatHelps) {
  GuestMachine machine("/nonexistent/kvm");
  const auto found = machine.probe(true);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->usable, 0U);
  EXPECT_EQ(found->fit_for_linux, 0U);
  EXPECT_THAT(found->summary, HasSubstr("/nonexistent/kvm"));
  EXPECT_THAT(found->summary, HasSubstr(kAdvice));

  const auto opened = machine.open(1);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().status, SPORE_E_NOT_FOUND);
  EXPECT_THAT(opened.error().text, HasSubstr(kAdvice));
}

TEST(ProbeTest, AnotherDeviceIsNotKvm) {
  GuestMachine machine("/dev/null");
  const auto found = machine.probe(true);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->usable, 0U);
  EXPECT_THAT(found->summary, HasSubstr("/dev/null is not a KVM device"));
}

TEST_F(GuestTest, ProbeMeasuresAndJudgesByTheFigure) {
  const auto found = machine.probe(true);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->usable, 1U) << found->summary;
  EXPECT_GT(found->instructions_per_second, 1000U);
  EXPECT_EQ(found->fit_for_linux, found->instructions_per_second >= kFitRate ? 1U : 0U) << found->summary;
  EXPECT_GE(found->vcpus_max, 1U);
  EXPECT_GE(found->guest_address_bits, 32U);
  EXPECT_LE(found->guest_address_bits, 57U);
  EXPECT_THAT(found->summary, HasSubstr("instructions a second"));
  RecordProperty("summary", found->summary);
  std::printf("%s\n", found->summary.c_str());
}

TEST_F(GuestTest, ProbeWithoutMeasuringHasNoFigure) {
  const auto found = machine.probe(false);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->usable, 1U);
  EXPECT_EQ(found->instructions_per_second, 0U);
  std::printf("%s\n", found->summary.c_str());
}

} // namespace
} // namespace guests
