// The automatic policy: every combination of facts, and what it does while the machine runs.
#include "policy_fixture.hpp"

namespace policy {
namespace {

constexpr const char* kId = "memory-policy-auto";

TEST(PolicyAuto, AFreshManagedRunBootsSmallWithARegion) {
  Policy policy(kId);
  const auto plan = policy->plan(kAuto, managed());
  ASSERT_TRUE(plan.ok()) << plan.error().text;
  EXPECT_EQ(plan->boot_bytes, 512 * MiB);
  EXPECT_EQ(plan->region_bytes, 15872 * MiB);
  EXPECT_EQ(plan->requested_bytes, 0u);
  EXPECT_EQ(plan->block_bytes, 0u) << "the host's default";
  EXPECT_EQ(plan->slot_bytes, 0u);
  EXPECT_THAT(plan->reason, testing::HasSubstr("512 MiB at boot and a region of 15872 MiB"));
}

struct Cause {
  const char* name;
  void (*make)(spore_memory_facts&);
  const char* reason; // the whole of it
};

const Cause kCauses[] = {
    {"KernelInEnvironment", [](auto& f) { f.kernel_origin = SPORE_ORIGIN_CUSTOM_ENVIRONMENT; },
     "fixed 16384 MiB: the kernel is custom (SPOREVM_KERNEL_IMAGE), so nothing may depend on hotplug"},
    {"KernelOption", [](auto& f) { f.kernel_origin = SPORE_ORIGIN_CUSTOM_OPTION; },
     "fixed 16384 MiB: the kernel is custom (--kernel), so nothing may depend on hotplug"},
    {"KernelInConfig", [](auto& f) { f.kernel_origin = SPORE_ORIGIN_CUSTOM_CONFIG; },
     "fixed 16384 MiB: the kernel is custom (`kernel` in the machine description), so nothing may depend on hotplug"},
    {"KernelOfUnknownOrigin", [](auto& f) { f.kernel_origin = 77; },
     "fixed 16384 MiB: the kernel is custom, so nothing may depend on hotplug"},
    {"NoKernel", [](auto& f) { f.kernel_origin = SPORE_ORIGIN_NONE; },
     "fixed 16384 MiB: there is no managed kernel, so nothing may depend on hotplug"},
    {"InitrdOption", [](auto& f) { f.initrd_origin = SPORE_ORIGIN_CUSTOM_OPTION; },
     "fixed 16384 MiB: the initrd is custom (--initrd), so nothing may depend on hotplug"},
    {"InitrdInConfig", [](auto& f) { f.initrd_origin = SPORE_ORIGIN_CUSTOM_CONFIG; },
     "fixed 16384 MiB: the initrd is custom (`initrd` in the machine description), so nothing may depend on hotplug"},
    {"NoInitrd", [](auto& f) { f.initrd_origin = SPORE_ORIGIN_NONE; },
     "fixed 16384 MiB: there is no managed initrd, so nothing may depend on hotplug"},
    {"Capture", [](auto& f) { f.capture = 1; },
     "fixed 16384 MiB: the machine is captured, so nothing may depend on hotplug"},
    {"Resume", [](auto& f) { f.resume = 1; },
     "fixed 16384 MiB: the machine resumes from a capture, so nothing may depend on hotplug"},
    {"KernelCannotGrow", [](auto& f) { f.kernel_can_grow = 0; },
     "fixed 16384 MiB: the kernel's configuration is not verified for virtio-mem and automatic onlining, so the guest "
     "could not grow"},
    {"BackendCannotGrow", [](auto& f) { f.backend_can_grow = 0; },
     "fixed 16384 MiB: the backend cannot map memory at run time, so the guest could not grow"},
    {"NoDevice", [](auto& f) { f.device_present = 0; },
     "fixed 16384 MiB: the machine has no virtio-mem device, so the guest could not grow"},
};

class PolicyAutoCause : public testing::TestWithParam<Cause> {};

TEST_P(PolicyAutoCause, MakesTheMemoryFixedAndIsNamed) {
  Policy policy(kId);
  spore_memory_facts facts = managed();
  GetParam().make(facts);
  const auto plan = policy->plan(kAuto, facts);
  ASSERT_TRUE(plan.ok()) << plan.error().text;
  EXPECT_EQ(plan->boot_bytes, 16384 * MiB);
  EXPECT_EQ(plan->region_bytes, 0u);
  EXPECT_EQ(plan->requested_bytes, 0u);
  EXPECT_EQ(plan->reason, GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(Facts, PolicyAutoCause, testing::ValuesIn(kCauses),
                         [](const auto& cause) { return std::string(cause.param.name); });

TEST(PolicyAuto, EveryCombinationOfFacts) {
  Policy policy(kId);
  constexpr uint32_t kOrigins[] = {SPORE_ORIGIN_MANAGED, SPORE_ORIGIN_CUSTOM_CONFIG, SPORE_ORIGIN_CUSTOM_OPTION,
                                   SPORE_ORIGIN_CUSTOM_ENVIRONMENT, SPORE_ORIGIN_NONE};
  unsigned elastic = 0;
  unsigned asked = 0;
  for (const uint32_t kernel : kOrigins) {
    for (const uint32_t initrd : kOrigins) {
      for (uint32_t bits = 0; bits < 32; ++bits) {
        spore_memory_facts facts = managed();
        facts.kernel_origin = kernel;
        facts.initrd_origin = initrd;
        facts.capture = bits & 1;
        facts.resume = bits >> 1 & 1;
        facts.kernel_can_grow = bits >> 2 & 1;
        facts.backend_can_grow = bits >> 3 & 1;
        facts.device_present = bits >> 4 & 1;
        const bool grows = kernel == SPORE_ORIGIN_MANAGED && initrd == SPORE_ORIGIN_MANAGED && bits == 0b11100;
        const auto plan = policy->plan(kAuto, facts);
        ASSERT_TRUE(plan.ok());
        EXPECT_EQ(plan->boot_bytes, grows ? 512 * MiB : 16384 * MiB);
        EXPECT_EQ(plan->region_bytes, grows ? 15872 * MiB : 0);
        EXPECT_EQ(plan->requested_bytes, 0u);
        EXPECT_NE(plan->reason, "");
        EXPECT_EQ(plan->reason.find('\n'), std::string::npos);
        const auto fixed = policy->plan(exactly(768 * MiB), facts);
        ASSERT_TRUE(fixed.ok());
        EXPECT_EQ(fixed->boot_bytes, 768 * MiB) << "an explicit size is kept whatever the facts";
        EXPECT_EQ(fixed->region_bytes, 0u);
        elastic += grows ? 1 : 0;
        ++asked;
      }
    }
  }
  EXPECT_EQ(asked, 800u);
  EXPECT_EQ(elastic, 1u);
}

TEST(PolicyAuto, SeveralCausesAreAllNamed) {
  Policy policy(kId);
  spore_memory_facts facts = managed();
  facts.kernel_origin = SPORE_ORIGIN_CUSTOM_ENVIRONMENT;
  facts.initrd_origin = SPORE_ORIGIN_CUSTOM_OPTION;
  facts.capture = 1;
  EXPECT_EQ(policy->plan(kAuto, facts)->reason,
            "fixed 16384 MiB: the kernel is custom (SPOREVM_KERNEL_IMAGE), the initrd is custom (--initrd) and the "
            "machine is captured, so nothing may depend on hotplug");
}

TEST(PolicyAuto, AnExplicitSizeIsThatSize) {
  Policy policy(kId);
  const auto plan = policy->plan(exactly(768 * MiB + 4096), managed());
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->boot_bytes, 768 * MiB + 4096);
  EXPECT_EQ(policy->plan(exactly(GiB), managed())->reason, "fixed 1024 MiB: the size is given explicitly");
}

TEST(PolicyAuto, AnExplicitSizeThatCannotBeIsRefused) {
  for (const char* id : {"memory-policy-auto", "memory-policy-fixed"}) {
    Policy policy(id);
    for (const uint64_t bytes : {uint64_t{0}, uint64_t{16}, 64 * MiB - 4096, GiB + 1, GiB + 2048, UINT64_MAX - 4095}) {
      const auto plan = policy->plan(exactly(bytes), managed());
      ASSERT_FALSE(plan.ok()) << id << " " << bytes;
      EXPECT_EQ(plan.error().status, SPORE_E_INVALID);
      EXPECT_THAT(plan.error().text, testing::HasSubstr(std::to_string(bytes)));
    }
    EXPECT_TRUE(policy->plan(exactly(64 * MiB), managed()).ok());
  }
}

TEST(PolicyAuto, OptionsSetBootAndMaximum) {
  Policy policy(kId, {{"/boot", int64_t{256} << 20}, {"/maximum", int64_t{4} << 30}});
  const auto plan = policy->plan(kAuto, managed());
  EXPECT_EQ(plan->boot_bytes, 256 * MiB);
  EXPECT_EQ(plan->region_bytes, 3840 * MiB);
  spore_memory_facts facts = managed();
  facts.capture = 1;
  EXPECT_EQ(policy->plan(kAuto, facts)->boot_bytes, 4 * GiB);
}

TEST(PolicyAuto, BootEqualToMaximumNeedsNoRegion) {
  Policy policy(kId, {{"/boot", int64_t{1} << 30}, {"/maximum", int64_t{1} << 30}});
  const auto plan = policy->plan(kAuto, managed());
  EXPECT_EQ(plan->boot_bytes, GiB);
  EXPECT_EQ(plan->region_bytes, 0u);
}

// Linux adds memory in blocks of 128 MiB: the rest of a region would be requested and waited for in vain.
TEST(PolicyAuto, TheRegionIsWholeBlocksAndTheReasonSaysWhatIsLeftOut) {
  Policy policy(kId, {{"/boot", int64_t{512} << 20}, {"/maximum", int64_t{700} << 20}});
  const auto plan = policy->plan(kAuto, managed());
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->boot_bytes, 512 * MiB);
  EXPECT_EQ(plan->region_bytes, 128 * MiB);
  EXPECT_EQ(plan->reason,
            "512 MiB at boot and a region of 128 MiB: a fresh managed run, which grows when the guest is ready; 60 MiB "
            "of the maximum are left out, since Linux adds memory in blocks of 128 MiB");
  Policy small(kId, {{"/boot", int64_t{512} << 20}, {"/maximum", int64_t{572} << 20}});
  const auto fixed = small->plan(kAuto, managed());
  ASSERT_TRUE(fixed.ok());
  EXPECT_EQ(fixed->boot_bytes, 572 * MiB);
  EXPECT_EQ(fixed->region_bytes, 0u);
  EXPECT_THAT(fixed->reason, testing::HasSubstr("less than one"));
}

TEST(PolicyAuto, OptionsThatContradictAreRefused) {
  EXPECT_THAT(Policy::error_of(kId, {{"/boot", int64_t{1} << 20}}), testing::HasSubstr("boot"));
  EXPECT_THAT(Policy::error_of(kId, {{"/boot", int64_t{-1}}}), testing::HasSubstr("boot"));
  EXPECT_THAT(Policy::error_of(kId, {{"/maximum", int64_t{256} << 20}}), testing::HasSubstr("smaller than boot"));
  EXPECT_THAT(Policy::error_of(kId, {{"/maximum", (int64_t{1} << 30) + 1}}), testing::HasSubstr("4 KiB"));
  EXPECT_THAT(Policy::error_of(kId, {{"/grow-on", std::string("soon")}}), testing::HasSubstr("soon"));
}

TEST(PolicyAuto, ReadyRequestsTheWholeRegion) {
  Policy policy(kId);
  const auto action = policy->on_event(event(SPORE_EVENT_READY), state(15872 * MiB));
  EXPECT_EQ(action.change, 1u);
  EXPECT_EQ(action.requested_bytes, 15872 * MiB);
  EXPECT_THAT(action.reason, testing::HasSubstr("the guest is ready"));
}

TEST(PolicyAuto, ReadyChangesNothingWithoutARegionOrWhenAllIsRequested) {
  Policy policy(kId);
  EXPECT_EQ(policy->on_event(event(SPORE_EVENT_READY), state(0)).change, 0u);
  EXPECT_EQ(policy->on_event(event(SPORE_EVENT_READY), state(GiB, GiB)).change, 0u);
}

TEST(PolicyAuto, OtherEventsChangeNothing) {
  Policy policy(kId);
  for (const uint32_t type : {SPORE_EVENT_IDLE, SPORE_EVENT_PRESSURE, SPORE_EVENT_PLUGGED, SPORE_EVENT_TICK}) {
    EXPECT_EQ(policy->on_event(event(type), state(GiB)).change, 0u) << type;
  }
  EXPECT_EQ(policy->on_event(event(99), state(GiB)).change, 0u);
}

TEST(PolicyAuto, GrowOnNeverLeavesItToTheOperator) {
  Policy policy(kId, {{"/grow-on", std::string("never")}});
  EXPECT_EQ(policy->plan(kAuto, managed())->region_bytes, 15872 * MiB);
  EXPECT_THAT(policy->plan(kAuto, managed())->reason, testing::HasSubstr("operator"));
  EXPECT_EQ(policy->on_event(event(SPORE_EVENT_READY), state(GiB)).change, 0u);
  EXPECT_EQ(policy->on_event(event(SPORE_EVENT_OPERATOR, 512 * MiB), state(GiB)).requested_bytes, 512 * MiB);
}

TEST(PolicyAuto, TheOperatorIsHeardAndCutToWhatFits) {
  Policy policy(kId);
  const auto exact = policy->on_event(event(SPORE_EVENT_OPERATOR, 512 * MiB), state(GiB, GiB));
  EXPECT_EQ(exact.change, 1u);
  EXPECT_EQ(exact.requested_bytes, 512 * MiB);
  const auto odd = policy->on_event(event(SPORE_EVENT_OPERATOR, 513 * MiB), state(GiB, GiB));
  EXPECT_EQ(odd.requested_bytes, 512 * MiB);
  EXPECT_THAT(odd.reason, testing::HasSubstr("513 MiB, of which 512 MiB"));
  EXPECT_EQ(policy->on_event(event(SPORE_EVENT_OPERATOR, UINT64_MAX), state(GiB)).requested_bytes, GiB);
  EXPECT_EQ(policy->on_event(event(SPORE_EVENT_OPERATOR, GiB), state(GiB, GiB)).change, 0u);
  const auto fixed = policy->on_event(event(SPORE_EVENT_OPERATOR, GiB), state(0));
  EXPECT_EQ(fixed.change, 0u);
  EXPECT_THAT(fixed.reason, testing::HasSubstr("no region"));
}

TEST(PolicyAuto, ReadyDoesNotOverruleAnOperator) {
  Policy policy(kId);
  EXPECT_EQ(policy->on_event(event(SPORE_EVENT_OPERATOR, 64 * MiB), state(GiB)).change, 1u);
  EXPECT_EQ(policy->on_event(event(SPORE_EVENT_READY), state(GiB, 64 * MiB)).change, 0u);
}

} // namespace
} // namespace policy
