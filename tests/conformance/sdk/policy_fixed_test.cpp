// The fixed policy: never a region.
#include "policy_fixture.hpp"

namespace policy {
namespace {

constexpr const char* kId = "memory-policy-fixed";

TEST(PolicyFixed, AutoIsSixteenGiB) {
  Policy policy(kId);
  const auto plan = policy->plan(kAuto, managed());
  ASSERT_TRUE(plan.ok()) << plan.error().text;
  EXPECT_EQ(plan->boot_bytes, 16 * GiB);
  EXPECT_EQ(plan->region_bytes, 0u);
  EXPECT_EQ(plan->reason, "fixed 16384 MiB: the fixed policy gives an automatic machine this size");
}

TEST(PolicyFixed, OrTheOptionsSize) {
  Policy policy(kId, {{"/size", int64_t{768} << 20}});
  EXPECT_EQ(policy->plan(kAuto, managed())->boot_bytes, 768 * MiB);
  EXPECT_EQ(policy->plan(exactly(GiB), managed())->boot_bytes, GiB) << "an explicit size goes first";
}

TEST(PolicyFixed, NeverARegionWhateverTheFacts) {
  Policy policy(kId);
  for (uint32_t bits = 0; bits < 32; ++bits) {
    spore_memory_facts facts = managed();
    facts.capture = bits & 1;
    facts.resume = bits >> 1 & 1;
    facts.kernel_can_grow = bits >> 2 & 1;
    facts.backend_can_grow = bits >> 3 & 1;
    facts.device_present = bits >> 4 & 1;
    EXPECT_EQ(policy->plan(kAuto, facts)->region_bytes, 0u);
    EXPECT_EQ(policy->plan(exactly(GiB), facts)->region_bytes, 0u);
  }
}

TEST(PolicyFixed, NoEventChangesAnything) {
  Policy policy(kId);
  for (uint32_t type = SPORE_EVENT_READY; type <= SPORE_EVENT_OPERATOR; ++type) {
    EXPECT_EQ(policy->on_event(event(type, GiB), state(GiB)).change, 0u) << type;
  }
  EXPECT_THAT(policy->on_event(event(SPORE_EVENT_OPERATOR, GiB), state(0)).reason, testing::HasSubstr("fixed"));
}

TEST(PolicyFixed, ASizeThatCannotBeIsRefused) {
  for (const int64_t size : {int64_t{-1}, int64_t{0}, int64_t{1} << 20, (int64_t{1} << 30) + 1}) {
    EXPECT_THAT(Policy::error_of(kId, {{"/size", size}}), testing::HasSubstr("size")) << size;
  }
}

} // namespace
} // namespace policy
