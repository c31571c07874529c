#include "core/machine/vcpu_threads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <sporehost/backend.hpp>
#include <system_error>

namespace sporehost {
namespace {

// A backend whose vCPUs do nothing until they are kicked, or until a test ends them.
class IdleBackend final : public spore::Backend {
 public:
  spore::Result<void> probe(bool, spore_probe&) override { return {}; }
  spore::Result<void> open(const spore_vm_config&, const spore_vm_callbacks&) override { return {}; }
  spore::Result<void> map_memory(uint64_t, void*, uint64_t, uint32_t) override { return {}; }
  spore::Result<void> unmap_memory(uint64_t, uint64_t) override { return {}; }
  spore::Result<void> create_vcpu(uint32_t index) override {
    if (static_cast<int>(index) == fail_at) return spore::fail(SPORE_E_IO, "told to fail");
    const std::lock_guard lock(mutex);
    ++alive;
    return {};
  }
  void destroy_vcpu(uint32_t) override {
    const std::lock_guard lock(mutex);
    --alive;
  }
  spore::Result<void> run(uint32_t index, spore_exit& out) override {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return kicked[index] || shut_down; });
    out.reason = kicked[index] ? SPORE_EXIT_KICKED : SPORE_EXIT_SHUTDOWN;
    out.address = 0xfff0;
    spore::put(out.text, "the guest is done\n");
    kicked[index] = false;
    return {};
  }
  void kick(uint32_t index) override {
    const std::lock_guard lock(mutex);
    kicked[index] = true;
    changed.notify_all();
  }
  spore_status set_irq_line(uint32_t, bool) override { return SPORE_OK; }
  spore_status pulse_irq(uint32_t) override { return SPORE_OK; }

  std::mutex mutex;
  std::condition_variable changed;
  bool kicked[4] = {};
  bool shut_down = false;
  int alive = 0;
  int fail_at = -1;
};

struct Fixture {
  Fixture()
      : backend(
            plugin::PluginObject(nullptr, {&spore::Backend::Ops::table, static_cast<spore::Backend*>(idle)}, "test")) {}
  IdleBackend* idle = std::make_unique<IdleBackend>().release(); // the wrapper destroys it
  Backend backend;
};

TEST(VcpuThreads, EveryVcpuIsPreparedBeforeOneRunsAndDestroyedOnItsThread) {
  Fixture f;
  std::atomic<int> prepared = 0;
  VcpuThreads threads(f.backend, [](uint32_t, const auto&) {});
  ASSERT_TRUE(threads.start(3, [&](uint32_t) { return ++prepared, spore::Result<void>{}; }).ok());
  EXPECT_EQ(prepared, 3);
  threads.stop();
  threads.stop();
  EXPECT_EQ(f.idle->alive, 0);
}

TEST(VcpuThreads, AVcpuThatCannotBeMadeEndsTheStart) {
  Fixture f;
  f.idle->fail_at = 1;
  VcpuThreads threads(f.backend, [](uint32_t, const auto&) {});
  const auto started = threads.start(2, [](uint32_t) { return spore::Result<void>{}; });
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().text, "test: told to fail");
  EXPECT_EQ(f.idle->alive, 0);
}

TEST(VcpuThreads, ASystemWithoutAThreadForOneIsAnErrorAndNoHang) {
  for (const size_t made : {0u, 1u, 2u}) {
    Fixture f;
    size_t spawned = 0;
    VcpuThreads threads(
        f.backend, [](uint32_t, const auto&) {},
        [&](std::function<void()> body) {
          if (spawned++ == made) throw std::system_error(EAGAIN, std::generic_category());
          return std::thread(std::move(body));
        });
    const auto started = threads.start(3, [](uint32_t) { return spore::Result<void>{}; });
    ASSERT_FALSE(started.ok());
    EXPECT_NE(started.error().text.find("no thread for vCPU " + std::to_string(made)), std::string::npos)
        << started.error().text;
    EXPECT_EQ(f.idle->alive, 0);
    EXPECT_EQ(threads.first_entry_ns(), 0u) << "none has entered the guest";
  }
}

TEST(VcpuThreads, TheEndOfAVcpuIsReportedOnce) {
  Fixture f;
  std::mutex mutex;
  std::condition_variable changed;
  int exits = 0;
  VcpuThreads threads(f.backend, [&](uint32_t, const spore::Result<VcpuExit>& exit) {
    EXPECT_EQ(exit->reason, static_cast<uint32_t>(SPORE_EXIT_SHUTDOWN));
    EXPECT_EQ(exit->address, 0xfff0u);
    EXPECT_EQ(exit->text, "the guest is done ");
    const std::lock_guard lock(mutex);
    ++exits;
    changed.notify_all();
  });
  ASSERT_TRUE(threads.start(1, [](uint32_t) { return spore::Result<void>{}; }).ok());
  {
    const std::lock_guard lock(f.idle->mutex);
    f.idle->shut_down = true;
    f.idle->changed.notify_all();
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return exits == 1; });
  EXPECT_NE(threads.first_entry_ns(), 0u);
}

} // namespace
} // namespace sporehost
