#include "core/machine/policy_runner.hpp"

#include <gtest/gtest.h>

#include <sporehost/memory_policy.hpp>

#include "core/base/page.hpp"

namespace sporehost {
namespace {

constexpr uint64_t kMiB = 1u << 20;

class ScriptedPolicy final : public spore::MemoryPolicy {
 public:
  spore::Result<void> plan(const spore_memory_request&, const spore_memory_facts&, spore_memory_plan& out) override {
    out = next;
    return {};
  }
  void on_event(const spore_memory_event& event, const spore_memory_state& state, spore_memory_action& out) override {
    ++events;
    last_type = event.type;
    last_state = state;
    out.change = 1;
    out.requested_bytes = want;
    out.tick_ms = tick_ms;
  }
  spore_memory_plan next{};
  uint64_t want = 0;
  uint64_t tick_ms = 0;
  int events = 0;
  uint32_t last_type = 0;
  spore_memory_state last_state{};
};

struct FakeDevice {
  spore_resizable_memory table = {sizeof(spore_resizable_memory), 0,
                                  [](void* self, uint64_t bytes, spore_error*) -> spore_status {
                                    static_cast<FakeDevice*>(self)->requested = bytes;
                                    return bytes <= 64 * kMiB ? SPORE_OK : SPORE_E_INVALID;
                                  },
                                  [](void*, spore_resizable_state* out) { out->plugged_bytes = 7 * kMiB; },
                                  [](void*) {}};
  uint64_t requested = 0;
};

class PolicyRunnerTest : public ::testing::Test {
 protected:
  ScriptedPolicy* policy_ = std::make_unique<ScriptedPolicy>().release(); // the wrapper destroys it
  PolicyRunner runner_{plugin::PluginObject(
      nullptr, {&spore::MemoryPolicy::Ops::table, static_cast<spore::MemoryPolicy*>(policy_)}, "p")};
  std::unique_ptr<EventLoop> loop_ = std::move(EventLoop::create()).value();
};

TEST_F(PolicyRunnerTest, FillsInBlockAndSlot) {
  policy_->next.boot_bytes = 512 * kMiB;
  const auto plan = runner_.plan({}, {});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->block_bytes, 2 * kMiB);
  EXPECT_EQ(plan->slot_bytes, 128 * kMiB);
}

TEST_F(PolicyRunnerTest, RefusesPlansThatCannotBe) {
  const auto refused = [&](spore_memory_plan plan) {
    policy_->next = plan;
    const auto result = runner_.plan({}, {});
    return result.ok() ? std::string("accepted") : result.error().text;
  };
  spore_memory_plan good{};
  good.boot_bytes = 512 * kMiB;
  good.region_bytes = 128 * kMiB;
  auto bad = good;
  bad.boot_bytes = 0;
  const std::string page = "must be a multiple of this host's page, ";
  EXPECT_EQ(refused(bad).find("p: its plan is unusable: boot_bytes 0 " + page), 0u) << refused(bad);
  bad.boot_bytes = host_page_bytes() * 5 / 2;
  EXPECT_NE(refused(bad).find(page), std::string::npos) << refused(bad);
  bad = good;
  bad.region_bytes += kMiB;
  EXPECT_EQ(refused(bad),
            "p: its plan is unusable: region_bytes and requested_bytes must be multiples of the block, 2MiB");
  bad = good;
  bad.requested_bytes = 256 * kMiB;
  EXPECT_EQ(refused(bad), "p: its plan is unusable: requested_bytes is larger than region_bytes");
  bad = good;
  bad.block_bytes = 3 * kMiB;
  EXPECT_EQ(refused(bad),
            "p: its plan is unusable: block_bytes and slot_bytes must be powers of two, the slot at least a block");
  bad = good;
  bad.region_bytes = ~uint64_t{0} - 2 * kMiB + 1;
  EXPECT_EQ(refused(bad), "p: its plan is unusable: boot and region overflow 64 bits");
}

TEST_F(PolicyRunnerTest, EventsLeadToRequestsAndTicksComeBack) {
  FakeDevice device;
  policy_->next.boot_bytes = 512 * kMiB;
  policy_->next.region_bytes = 64 * kMiB;
  runner_.attach(*loop_, *runner_.plan({}, {}), {&device.table, &device}, {});
  policy_->want = 64 * kMiB;
  policy_->tick_ms = 1;
  runner_.guest_memory(5, 4);
  runner_.event(SPORE_EVENT_READY);
  EXPECT_EQ(device.requested, 64 * kMiB);
  EXPECT_EQ(runner_.requested(), 64 * kMiB);
  EXPECT_EQ(policy_->last_state.plugged_bytes, 7 * kMiB);
  EXPECT_EQ(policy_->last_state.guest_total_bytes, 5u);
  EXPECT_EQ(policy_->last_state.ready, 1u);
  policy_->tick_ms = 0;
  loop_->start_timer(5'000'000, [&] { loop_->stop(); });
  loop_->run();
  EXPECT_EQ(policy_->last_type, static_cast<uint32_t>(SPORE_EVENT_TICK));
  EXPECT_EQ(policy_->events, 2);
}

// A guest that plugs much makes many such events; the host's memory is not read anew for each.
TEST_F(PolicyRunnerTest, PluggedEventsShareOneLookAtTheHostsMemory) {
  FakeDevice device;
  policy_->next.boot_bytes = 512 * kMiB;
  policy_->next.region_bytes = 64 * kMiB;
  runner_.attach(*loop_, *runner_.plan({}, {}), {&device.table, &device}, {});
  runner_.event(SPORE_EVENT_READY);
  const uint64_t first = policy_->last_state.host_available_bytes;
  EXPECT_GT(first, 0u);
  const std::vector<uint8_t> used(128 * kMiB, 1);
  runner_.event(SPORE_EVENT_PLUGGED);
  EXPECT_EQ(policy_->last_state.host_available_bytes, first);
  runner_.event(SPORE_EVENT_READY);
  EXPECT_NE(policy_->last_state.host_available_bytes, first) << "who decides is told what is so now";
}

TEST_F(PolicyRunnerTest, ARefusedRequestChangesNothing) {
  FakeDevice device;
  policy_->next.boot_bytes = 512 * kMiB;
  policy_->next.region_bytes = 64 * kMiB;
  runner_.attach(*loop_, *runner_.plan({}, {}), {&device.table, &device}, {});
  policy_->want = 128 * kMiB;
  runner_.event(SPORE_EVENT_READY);
  EXPECT_EQ(runner_.requested(), 0u);
}

TEST(HostMemory, IsRead) {
  const HostMemory memory = read_host_memory();
  EXPECT_GT(memory.total, 64 * kMiB);
  EXPECT_LE(memory.available, memory.total);
}

} // namespace
} // namespace sporehost
