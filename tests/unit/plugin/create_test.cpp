// Objects: made, refused, and every way in which a plugin's `create` can break its promise.
#include "core/plugin/registry.hpp"
#include "tests/unit/plugin/plugin_folder.hpp"

#include <sporehost/memory_policy.hpp>
#include <sporehost/testing/fake_host.hpp>

#include <dlfcn.h>

#include <algorithm>
#include <array>

namespace sporehost::plugin::test {
namespace {

class Create : public ::testing::Test {
 protected:
  spore::Result<PluginObject> make(const std::string& name, const std::string& options = "{}") {
    if (!fs::exists(folder_.file(name + ".so"))) folder_.put(name);
    registry_.emplace(only({folder_.text()}), Trace());
    return registry_->create(SPORE_KIND_MEMORY_POLICY, name, *host_.table(), options);
  }
  std::string origin(const std::string& name) {
    return "plugin '" + folder_.text() + "/" + name + ".so' (id '" + name + "')";
  }
  void expect_error(const std::string& name, spore_status status, const std::string& text) {
    const auto made = make(name);
    ASSERT_FALSE(made.ok()) << name;
    EXPECT_EQ(made.error().status, status);
    EXPECT_EQ(made.error().text, origin(name) + ": " + text);
  }

  // Plans 512 MiB and gives what came of it.
  static spore_memory_plan plan_with(const PluginObject& object) {
    spore_memory_request request{};
    request.size = sizeof request;
    request.mode = SPORE_MEMORY_EXPLICIT;
    request.bytes = 512U << 20;
    spore_memory_facts facts{};
    facts.size = sizeof facts;
    spore_memory_plan plan{};
    plan.size = sizeof plan;
    spore::ErrorText error;
    EXPECT_EQ(object.ops<spore_memory_policy_ops>()->plan(object.self(), &request, &facts, &plan, error.out()),
              SPORE_OK);
    return plan;
  }

  PluginFolder folder_;
  spore::testing::FakeHost host_;
  std::optional<Registry> registry_;
};

TEST_F(Create, MakesAnObjectAndEndsItOnce) {
  {
    auto made = make("good");
    ASSERT_TRUE(made.ok()) << made.error().text;
    EXPECT_EQ(made->origin(), origin("good"));
    EXPECT_EQ(plan_with(*made).boot_bytes, 512U << 20);
    PluginObject moved = std::move(*made);
    EXPECT_FALSE(*made);
    EXPECT_TRUE(moved);
    EXPECT_EQ(host_.counter("destroyed"), 0U);
  }
  EXPECT_EQ(host_.counter("destroyed"), 1U);
}

TEST_F(Create, TheCodeStaysWhileAnObjectLives) {
  auto made = make("good");
  ASSERT_TRUE(made.ok());
  registry_.reset();
  EXPECT_EQ(plan_with(*made).boot_bytes, 512U << 20);
  made->reset();
  EXPECT_EQ(host_.counter("destroyed"), 1U);
  EXPECT_EQ(::dlopen(folder_.file("good.so").c_str(), RTLD_NOLOAD | RTLD_NOW), nullptr);
}

// A struct as a later minor has it: longer, and with a size that says so.
template <typename Struct>
struct Later {
  Struct now{};
  std::array<uint64_t, 4> appended{kUntouched, kUntouched, kUntouched, kUntouched};

  explicit Later(const Struct& from = {}) : now(from) { now.size = sizeof *this; }
  [[nodiscard]] bool untouched() const {
    return now.size == sizeof *this && std::ranges::count(appended, kUntouched) == std::ssize(appended);
  }
  static constexpr uint64_t kUntouched = 0x5a5a5a5a5a5a5a5a;
};

TEST_F(Create, APluginOfSdk10WorksWithAHostOfALaterMinor) {
  folder_.put("old-minor");
  registry_.emplace(only({folder_.text()}), Trace(), HostAbi{1, 5});
  Later<spore_host> later(*host_.table());
  later.now.abi_minor = 5;
  {
    auto made = registry_->create(SPORE_KIND_MEMORY_POLICY, "old-minor", later.now, "{}");
    ASSERT_TRUE(made.ok()) << made.error().text;
    EXPECT_TRUE(host_.logged("made by 1.0"));
    Later<spore_memory_request> request;
    request.now.mode = SPORE_MEMORY_EXPLICIT;
    request.now.bytes = 512U << 20;
    const Later<spore_memory_facts> facts;
    Later<spore_memory_plan> plan;
    std::array<char, 64> reason{};
    plan.now.reason = {reason.data(), reason.size(), 0};
    spore::ErrorText error;
    const auto ops = made->ops<spore_memory_policy_ops>();
    ASSERT_EQ(ops->plan(made->self(), &request.now, &facts.now, &plan.now, error.out()), SPORE_OK) << error.text();
    EXPECT_EQ(plan.now.boot_bytes, 512U << 20);
    EXPECT_EQ(plan.now.slot_bytes, 128U << 20);
    EXPECT_EQ(std::string_view(reason.data(), plan.now.reason.length), "as 1.0 decided");
    EXPECT_TRUE(plan.untouched()) << "a plugin writes what it knows, and no further";
    Later<spore_memory_action> action;
    action.now.change = 1;
    const Later<spore_memory_event> event;
    const Later<spore_memory_state> state;
    ops->on_event(made->self(), &event.now, &state.now, &action.now);
    EXPECT_EQ(action.now.change, 0U);
    EXPECT_TRUE(action.untouched());
  }
  EXPECT_EQ(host_.counter("destroyed"), 1U);
}

TEST_F(Create, WorksWithPlainCAndWithANewerMinor) {
  EXPECT_TRUE(make("plain").ok());
  EXPECT_TRUE(make("newer-minor").ok());
}

TEST_F(Create, PassesTheReasonOn) {
  auto made = make("good", R"({"refuse":true})");
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().status, SPORE_E_INVALID);
  EXPECT_EQ(made.error().text, origin("good") + ": refused as asked");
}

TEST_F(Create, TheWrapperTurnsAnExceptionIntoAStatus) {
  auto made = make("good", "throw");
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().text, origin("good") + ": exception: std::bad_alloc");
}

TEST_F(Create, CatchesAnExceptionThatAPluginLetsOut) {
  expect_error("throws", SPORE_E_INTERNAL, "create of memory-policy 'throws' let an exception out (SDK-7)");
}

TEST_F(Create, OkWithoutAnObject) {
  expect_error("create-nothing", SPORE_E_INTERNAL,
               "create of memory-policy 'create-nothing' returned SPORE_OK without an object (SDK-9)");
  expect_error("create-no-table", SPORE_E_INTERNAL,
               "create of memory-policy 'create-no-table' returned SPORE_OK without a table of functions (SDK-9)");
}

TEST_F(Create, ATableThatIsTooShortOrHasHoles) {
  expect_error("short-table", SPORE_E_INTERNAL,
               "the memory-policy 'short-table' it created has a table of functions whose size is 24, version 1.0 "
               "already has 40 (SDK-9)");
  expect_error("null-function", SPORE_E_INTERNAL,
               "the memory-policy 'null-function' it created has NULL for the function 'plan' (SDK-9)");
}

TEST_F(Create, AStatusThatDoesNotExist) {
  expect_error("unknown-status", 77,
               "create of memory-policy 'unknown-status' returned status 77, which this host does not know (SDK-27): "
               "create of memory-policy 'unknown-status' failed and gave no reason (SDK-8)");
}

TEST_F(Create, ATextWithoutEndAndWithLineBreaks) {
  const auto made = make("failing");
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().status, SPORE_E_BUSY);
  EXPECT_EQ(made.error().text.find(origin("failing") + ": no luck today xxx"), 0U);
  EXPECT_LE(made.error().text.size(), (origin("failing") + ": ").size() + 1024) << "what there was room for";
}

} // namespace
} // namespace sporehost::plugin::test
