#include "core/host/policy_runner.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include <algorithm>
#include <cstring>
#include <sporehost/memory_policy.hpp>
#include <stdexcept>

#include "core/base/page.hpp"

namespace sporehost {
namespace {

constexpr uint64_t kMiB = 1u << 20;

// A plan for nothing in particular.
spore::Result<MemoryPlan> plan_of(PolicyRunner& runner) {
  spore_memory_request request{};
  request.size = sizeof request;
  spore_memory_facts facts{};
  facts.size = sizeof facts;
  return runner.plan(request, facts);
}

class ScriptedPolicy final : public spore::MemoryPolicy {
 public:
  spore::Result<void> plan(const spore_memory_request&, const spore_memory_facts&, spore_memory_plan& out) override {
    out.boot_bytes = next.boot_bytes;
    out.region_bytes = next.region_bytes;
    out.requested_bytes = next.requested_bytes;
    out.block_bytes = next.block_bytes;
    out.slot_bytes = next.slot_bytes;
    spore::give_reason(out, next.reason);
    return {};
  }
  void on_event(const spore_memory_event& event, const spore_memory_state& state, spore_memory_action& out) override {
    ++events;
    last_type = event.type;
    last_state = state;
    out.change = 1;
    out.requested_bytes = to_and_fro && events % 2 == 0 ? want / 2 : want;
    out.tick_ms = tick_ms;
  }
  MemoryPlan next;
  uint64_t want = 0;
  uint64_t tick_ms = 0;
  bool to_and_fro = false;
  int events = 0;
  uint32_t last_type = 0;
  spore_memory_state last_state{};
};

// Reads the requested size when it is told of another one, as a device does.
struct FakeDevice {
  explicit FakeDevice(const RequestedSize& size) : size(size) {}
  static spore_resizable_memory make_table() {
    spore_resizable_memory table{};
    table.size = sizeof table;
    table.requested_changed = [](void* self) {
      auto& device = *static_cast<FakeDevice*>(self);
      device.requested = device.size.get();
      ++device.requests;
    };
    table.state = [](void* self, spore_resizable_state* out) -> spore_status {
      out->plugged_bytes = static_cast<FakeDevice*>(self)->plugged;
      return SPORE_OK;
    };
    table.retry = [](void*) {};
    return table;
  }
  const RequestedSize& size;
  spore_resizable_memory table = make_table();
  uint64_t requested = 0;
  uint64_t plugged = 8 * kMiB;
  int requests = 0;
};

class PolicyRunnerTest : public ::testing::Test {
 protected:
  ScriptedPolicy* policy_ = std::make_unique<ScriptedPolicy>().release(); // the wrapper destroys it
  PolicyRunner runner_{plugin::PluginObject(
      nullptr, {&spore::MemoryPolicy::Ops::table, static_cast<spore::MemoryPolicy*>(policy_)}, "p")};
  std::unique_ptr<EventLoop> loop_ = std::move(EventLoop::create()).value();
  RequestedSize requested_;
  FakeDevice device_{requested_};
  int told_ = 0; // how often the machine heard of a change

  // A machine of 512 MiB that can grow by 128, whose policy wants `want`.
  void start(uint64_t want, uint64_t region = 128 * kMiB) {
    policy_->next.boot_bytes = 512 * kMiB;
    policy_->next.region_bytes = region;
    runner_.attach(*loop_, *plan_of(runner_), {&device_.table, &device_}, requested_, [this] { ++told_; });
    policy_->want = want;
  }
  void serve(uint64_t ms) {
    loop_->start_timer(ms * 1'000'000, [&] { loop_->stop(); });
    loop_->run();
  }
};

// A policy without the wrapper's thunks: its exception is told, and what it left behind is no decision.
TEST(PolicyRunner, AnExceptionOutOfOnEventIsNoDecision) {
  spore_memory_policy_ops ops = spore::MemoryPolicy::Ops::table;
  ops.on_event = [](void*, const spore_memory_event*, const spore_memory_state*, spore_memory_action* out) {
    out->change = 1;
    out->requested_bytes = 2 * kMiB;
    throw std::runtime_error("boom");
  };
  auto* policy = std::make_unique<ScriptedPolicy>().release(); // the wrapper destroys it
  PolicyRunner runner{plugin::PluginObject(nullptr, {&ops, static_cast<spore::MemoryPolicy*>(policy)}, "p")};
  const auto loop = std::move(EventLoop::create()).value();
  RequestedSize requested;
  FakeDevice device(requested);
  runner.attach(*loop, {}, {&device.table, &device}, requested, {});
  runner.event(SPORE_EVENT_READY);
  EXPECT_EQ(device.requests, 0);
  EXPECT_EQ(requested.get(), 0u);
  runner.detach();
}

TEST_F(PolicyRunnerTest, FillsInBlockAndSlot) {
  policy_->next.boot_bytes = 512 * kMiB;
  const auto plan = plan_of(runner_);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->block_bytes, 2 * kMiB);
  EXPECT_EQ(plan->slot_bytes, 128 * kMiB);
}

TEST_F(PolicyRunnerTest, RefusesPlansThatCannotBe) {
  const auto refused = [&](const MemoryPlan& plan) {
    policy_->next = plan;
    const auto result = plan_of(runner_);
    return result.ok() ? std::string("accepted") : result.error().text;
  };
  MemoryPlan good;
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

// What only a run refused before: `plan` and a run ask the same.
TEST_F(PolicyRunnerTest, RefusesSizesThatNoMachineHas) {
  const auto refused = [&](uint64_t boot, uint64_t region, uint64_t block) {
    policy_->next = {};
    policy_->next.boot_bytes = boot;
    policy_->next.region_bytes = region;
    policy_->next.block_bytes = block;
    const auto result = plan_of(runner_);
    return result.ok() ? std::string("accepted") : result.error().text;
  };
  const uint64_t huge = uint64_t{1} << 61;
  EXPECT_EQ(refused(512 * kMiB, huge, 0),
            "p: its plan is unusable: 2199023255552 MiB of elastic region do not fit into the 52-bit guest-physical "
            "addresses of this machine; use less");
  EXPECT_EQ(refused(huge, 0, 0),
            "p: its plan is unusable: 2199023255552 MiB of boot memory do not fit into the 52-bit guest-physical "
            "addresses of this machine; use less");
  EXPECT_NE(refused(512 * kMiB, kMiB, 1).find("block_bytes 1 must be at least a page of this host"), std::string::npos);
  EXPECT_NE(refused(4096, 0, 0).find("boot memory of 4096 bytes is too small"), std::string::npos);
}

TEST_F(PolicyRunnerTest, RoundsTheRegionDownToWhatLinuxCanUse) {
  policy_->next.boot_bytes = 512 * kMiB;
  policy_->next.region_bytes = 1338 * kMiB;
  policy_->next.requested_bytes = 1338 * kMiB;
  policy_->next.reason = "as much as there is";
  auto plan = plan_of(runner_);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->region_bytes, 1280 * kMiB);
  EXPECT_EQ(plan->requested_bytes, 1280 * kMiB);
  EXPECT_EQ(plan->reason,
            "as much as there is; 58MiB of the region are left out, since Linux adds memory in whole "
            "blocks of 128MiB");
  policy_->next.region_bytes = 60 * kMiB;
  policy_->next.requested_bytes = 0;
  plan = plan_of(runner_);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->region_bytes, 0u);
  policy_->next.region_bytes = 15872 * kMiB;
  plan = plan_of(runner_);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->region_bytes, 15872 * kMiB);
  EXPECT_EQ(plan->reason, "as much as there is");
}

// A policy goes by the region that it planned; what was left out of it is no mistake of the request.
TEST_F(PolicyRunnerTest, ARequestOfAllThatWasPlannedGetsAllThatThereIs) {
  start(188 * kMiB, 188 * kMiB);
  runner_.event(SPORE_EVENT_READY);
  EXPECT_EQ(device_.requested, 128 * kMiB);
  EXPECT_EQ(runner_.requested(), 128 * kMiB);
}

// Nobody asks for ever for what cannot be: the request comes down to what is plugged, the policy sees it, and what it
// wants beyond that waits until something has been given back.
TEST_F(PolicyRunnerTest, WhereTheHostCannotGrowTheRequestIsLoweredAndThePolicyHears) {
  start(128 * kMiB);
  runner_.event(SPORE_EVENT_READY);
  device_.plugged = 96 * kMiB;
  runner_.cannot_grow("all slots are in use");
  EXPECT_EQ(device_.requested, 96 * kMiB);
  EXPECT_EQ(runner_.requested(), 96 * kMiB);
  runner_.event(SPORE_EVENT_PLUGGED); // and the policy wants everything again
  EXPECT_EQ(policy_->last_state.requested_bytes, 96 * kMiB);
  EXPECT_EQ(device_.requested, 96 * kMiB);
  device_.plugged = 64 * kMiB;
  runner_.event(SPORE_EVENT_TICK);
  EXPECT_EQ(device_.requested, 128 * kMiB) << "room was made";
}

TEST_F(PolicyRunnerTest, EventsLeadToRequestsAndTicksComeBack) {
  start(64 * kMiB);
  policy_->tick_ms = 10;
  runner_.guest_memory(5, 4);
  runner_.event(SPORE_EVENT_READY);
  EXPECT_EQ(device_.requested, 64 * kMiB);
  EXPECT_EQ(runner_.requested(), 64 * kMiB);
  EXPECT_EQ(policy_->last_state.plugged_bytes, 8 * kMiB);
  EXPECT_EQ(policy_->last_state.guest_total_bytes, 5u);
  EXPECT_EQ(policy_->last_state.ready, 1u);
  policy_->tick_ms = 0;
  serve(50);
  EXPECT_EQ(policy_->last_type, static_cast<uint32_t>(SPORE_EVENT_TICK));
  EXPECT_EQ(policy_->events, 2);
}

// A guest that plugs much makes many such events; the host's memory is not read anew for each.
TEST_F(PolicyRunnerTest, PluggedEventsShareOneLookAtTheHostsMemory) {
  start(0);
  runner_.event(SPORE_EVENT_READY);
  const uint64_t first = policy_->last_state.host_available_bytes;
  EXPECT_GT(first, 0u);
  // The system counts with some delay, and may give us what we had freed before.
  std::vector<std::vector<uint8_t>> used;
  for (int i = 0; i < 20 && policy_->last_state.host_available_bytes == first; ++i) {
    used.emplace_back(32 * kMiB, uint8_t{1});
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    runner_.event(SPORE_EVENT_PLUGGED);
    EXPECT_EQ(policy_->last_state.host_available_bytes, first) << "read less than a second ago";
    runner_.event(SPORE_EVENT_READY);
  }
  EXPECT_NE(policy_->last_state.host_available_bytes, first) << "who decides is told what is so now";
}

// The runner vouches for what the device is asked for: whole blocks, and no more than the region.
TEST_F(PolicyRunnerTest, ARefusedRequestChangesNothing) {
  start(64 * kMiB);
  runner_.event(SPORE_EVENT_READY);
  ASSERT_EQ(requested_.get(), 64 * kMiB);
  for (const uint64_t wrong :
       {256 * kMiB, 130 * kMiB, uint64_t{1}, 3 * kMiB, 64 * kMiB + 4096, ~uint64_t{0}, ~uint64_t{0} - 2 * kMiB + 1}) {
    policy_->want = wrong;
    runner_.event(SPORE_EVENT_PLUGGED);
    EXPECT_EQ(requested_.get(), 64 * kMiB) << wrong;
  }
  EXPECT_EQ(policy_->events, 8);
  EXPECT_EQ(policy_->last_state.requested_bytes, 64 * kMiB);
  EXPECT_EQ(device_.requests, 1) << "the device hears of what is requested, not of what was refused";
  EXPECT_EQ(told_, 1);
  policy_->want = 128 * kMiB;
  runner_.event(SPORE_EVENT_PLUGGED);
  EXPECT_EQ(requested_.get(), 128 * kMiB) << "and a right one is taken after it";
  EXPECT_EQ(device_.requested, 128 * kMiB);
  EXPECT_EQ(told_, 2);
}

TEST_F(PolicyRunnerTest, WhatWasRequestedBeforeIsWhereItBegins) {
  requested_.set(32 * kMiB);
  start(32 * kMiB);
  EXPECT_EQ(runner_.requested(), 32 * kMiB);
  runner_.event(SPORE_EVENT_READY);
  EXPECT_EQ(policy_->last_state.requested_bytes, 32 * kMiB);
  EXPECT_EQ(device_.requests, 0) << "no news";
  policy_->want = 0;
  runner_.event(SPORE_EVENT_IDLE);
  EXPECT_EQ(requested_.get(), 0u);
  EXPECT_EQ(device_.requests, 1);
}

TEST_F(PolicyRunnerTest, ASizeThatIsRequestedAlreadyIsNoNewsForTheDevice) {
  start(64 * kMiB);
  for (int i = 0; i < 100; ++i) runner_.event(SPORE_EVENT_PLUGGED);
  EXPECT_EQ(policy_->events, 100);
  EXPECT_EQ(device_.requests, 1);
}

// 584 years once came back at once, and again, and again.
TEST_F(PolicyRunnerTest, ATickInManyYearsDoesNotComeToday) {
  start(64 * kMiB);
  for (const uint64_t ms : {~uint64_t{0}, uint64_t{18446744073711}}) {
    policy_->events = 0;
    policy_->tick_ms = ms;
    runner_.event(SPORE_EVENT_READY);
    serve(30);
    EXPECT_EQ(policy_->events, 1) << ms;
  }
}

TEST_F(PolicyRunnerTest, TicksComeNoOftenerThanEachTenMilliseconds) {
  start(64 * kMiB);
  policy_->tick_ms = 1;
  runner_.event(SPORE_EVENT_READY);
  serve(100);
  EXPECT_GE(policy_->events, 2);
  EXPECT_LE(policy_->events, 11);
}

// 300 changes in a moment: twenty are made, the rest is one change a fifth of a second later, the latest.
TEST_F(PolicyRunnerTest, ToAndFroIsBounded) {
  start(64 * kMiB);
  policy_->to_and_fro = true;
  for (int i = 0; i < 300; ++i) runner_.event(SPORE_EVENT_PLUGGED);
  policy_->to_and_fro = false;
  EXPECT_LE(device_.requests, 22);
  runner_.event(SPORE_EVENT_PLUGGED);
  serve(450);
  EXPECT_LE(device_.requests, 25);
  EXPECT_EQ(device_.requested, 64 * kMiB);
  EXPECT_EQ(runner_.requested(), 64 * kMiB);
}

TEST_F(PolicyRunnerTest, WhatWaitsIsForgottenWithTheMachine) {
  start(64 * kMiB);
  policy_->to_and_fro = true;
  for (int i = 0; i < 100; ++i) runner_.event(SPORE_EVENT_PLUGGED);
  const int before = device_.requests;
  runner_.detach();
  serve(250);
  EXPECT_EQ(device_.requests, before);
}

TEST(RequestPace, LetsAHandfulThroughAndThenOneInAWhile) {
  RequestPace pace;
  const uint64_t now = 1'000'000'000'000;
  for (uint64_t i = 0; i < RequestPace::kAtOnce; ++i) EXPECT_EQ(pace.wait_ns(now), 0U) << i;
  EXPECT_EQ(pace.wait_ns(now), RequestPace::kEachNs);
  EXPECT_EQ(pace.wait_ns(now + RequestPace::kEachNs), 0U);
  EXPECT_NE(pace.wait_ns(now + RequestPace::kEachNs), 0U);
  for (uint64_t i = 0; i < RequestPace::kAtOnce; ++i) EXPECT_EQ(pace.wait_ns(2 * now), 0U) << i; // a long silence
}

TEST_F(PolicyRunnerTest, AReasonIsOneCleanLineAndCutAtACharacter) {
  policy_->next.boot_bytes = 512 * kMiB;
  policy_->next.reason = "red \x1b[31mnow\nram_mib=1";
  EXPECT_EQ(plan_of(runner_)->reason, "red ?[31mnow ram_mib=1");
  policy_->next.reason = "caf\xC3 now"; // no UTF-8
  EXPECT_EQ(plan_of(runner_)->reason, "caf? now");
  std::string umlauts = "x";
  for (int i = 0; i < 300; ++i) umlauts += "\u00e4";
  policy_->next.reason = umlauts;
  EXPECT_EQ(plan_of(runner_)->reason, umlauts.substr(0, 511)) << "512 would cut one in halves";
}

// A table without the wrapper's thunks.
spore_memory_policy_ops plain_ops(decltype(spore_memory_policy_ops::plan) plan) {
  spore_memory_policy_ops ops{};
  ops.size = sizeof ops;
  ops.destroy = [](void*) {};
  ops.query_interface = [](void*, spore_string) -> const void* { return nullptr; };
  ops.plan = plan;
  ops.on_event = [](void*, const spore_memory_event*, const spore_memory_state*, spore_memory_action*) {};
  return ops;
}

spore::Result<MemoryPlan> plan_by(decltype(spore_memory_policy_ops::plan) plan) {
  const spore_memory_policy_ops ops = plain_ops(plan);
  int self = 0;
  PolicyRunner runner(plugin::PluginObject(nullptr, {&ops, &self}, "p"));
  return plan_of(runner);
}

std::string plan_error(decltype(spore_memory_policy_ops::plan) plan) {
  const auto planned = plan_by(plan);
  return planned.ok() ? "accepted" : std::to_string(planned.error().status) + " " + planned.error().text;
}

TEST(PolicyTexts, AreReadWithinTheHostsOwnRoom) {
  const auto endless = plan_by([](void*, const spore_memory_request*, const spore_memory_facts*, spore_memory_plan* out,
                                  spore_error*) -> spore_status {
    out->boot_bytes = 512 * kMiB;
    std::memset(out->reason.data, 0xC3, out->reason.capacity); // no UTF-8
    out->reason.length = ~uint64_t{0};
    return SPORE_OK;
  });
  ASSERT_TRUE(endless.ok());
  EXPECT_EQ(endless->reason, std::string(511, '?')) << "the last may be the begin of a character";
  const auto elsewhere = plan_by([](void*, const spore_memory_request*, const spore_memory_facts*,
                                    spore_memory_plan* out, spore_error*) -> spore_status {
    out->boot_bytes = 512 * kMiB;
    spore::give_reason(*out, "ours");
    out->reason.data = nullptr;
    out->reason.capacity = ~uint64_t{0};
    return SPORE_OK;
  });
  ASSERT_TRUE(elsewhere.ok());
  EXPECT_EQ(elsewhere->reason, "ours");
}

TEST(PolicyErrors, AreReadSafelyAndKeepTheirStatus) {
  EXPECT_EQ(plan_error([](void*, const spore_memory_request*, const spore_memory_facts*, spore_memory_plan*,
                          spore_error* error) -> spore_status {
              std::memset(error->text.data, 'y', error->text.capacity);
              error->text.length = ~uint64_t{0};
              return SPORE_E_IO;
            }),
            "4 p: " + std::string(1024, 'y'));
  EXPECT_EQ(plan_error([](void*, const spore_memory_request*, const spore_memory_facts*, spore_memory_plan*,
                          spore_error*) -> spore_status { return 99; }),
            "99 p: plan returned status 99, which this host does not know (SDK-27): plan failed and gave no reason "
            "(SDK-8)");
  EXPECT_EQ(plan_error([](void*, const spore_memory_request*, const spore_memory_facts*, spore_memory_plan*,
                          spore_error*) -> spore_status { throw 7; }),
            "11 p: plan let an exception out (SDK-7)");
}

TEST(HostMemory, IsRead) {
  const HostMemory memory = read_host_memory();
  EXPECT_GT(memory.total, 64 * kMiB);
  EXPECT_LE(memory.available, memory.total);
}

} // namespace
} // namespace sporehost
