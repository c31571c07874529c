// Kicks: from anywhere, at any time, one return for one or more.
#include <atomic>
#include <thread>

#include "tests/guests/guest_test.hpp"

namespace guests {
namespace {

using std::chrono::milliseconds;

#define ASSERT_KICKED(exit)                                                          \
  do {                                                                               \
    ASSERT_TRUE(exit) << machine.error();                                            \
    ASSERT_EQ(exit->reason, static_cast<uint32_t>(SPORE_EXIT_KICKED)) << exit->text; \
  } while (false)

// The next run is not kicked: it goes on until our patience ends.
#define ASSERT_RUNS_ON() ASSERT_FALSE(machine.run(0, milliseconds(100))) << "a second return for one kick"

class KickTest : public GuestTest {
 protected:
  void kick() { machine.backend().kick(0); }
};

TEST_F(KickTest, BeforeRunReturnsAtOnceAndOnce) {
  boot("spin");
  kick();
  kick();
  kick();
  const auto exit = machine.run();
  ASSERT_KICKED(exit);
  EXPECT_EQ(machine.marks(), 0) << "the guest ran although the kick came first";
  ASSERT_RUNS_ON();
  EXPECT_EQ(machine.marks(), 1);
}

TEST_F(KickTest, BeforeThereIsAVmIsHarmless) {
  kick();
  boot("spin");
  ASSERT_RUNS_ON();
}

TEST_F(KickTest, BeforeTheVcpuIsThereIsKept) {
  ASSERT_TRUE(machine.open(2));
  machine.backend().kick(1);
  std::optional<spore::testing::BackendExit> exit;
  std::thread([&] {
    EXPECT_TRUE(machine.create_vcpu(1));
    exit = machine.run(1);
    machine.backend().destroy_vcpu(1);
  }).join();
  ASSERT_KICKED(exit);
}

TEST_F(KickTest, InABusyLoop) {
  boot("spin");
  std::thread host([&] {
    machine.wait_for_marks(1);
    std::this_thread::sleep_for(milliseconds(20)); // well inside
    kick();
  });
  const auto exit = machine.run();
  host.join();
  ASSERT_KICKED(exit);
  EXPECT_GT(machine.ram().at<uint64_t>(kResults), 0U);
  ASSERT_RUNS_ON();
}

TEST_F(KickTest, WhileHalted) {
  boot("halt");
  std::thread host([&] {
    machine.wait_for_marks(1);
    std::this_thread::sleep_for(milliseconds(20));
    kick();
  });
  const auto exit = machine.run();
  host.join();
  ASSERT_KICKED(exit);
#if defined(__x86_64__)
  EXPECT_EQ(machine.ram().at<uint64_t>(kResults), 0U) << "a kick must not wake the guest from hlt";
#endif // arm64's WFI is a hint: it may end at any time
  ASSERT_RUNS_ON();
}

// Every kick that is sent after the answer to the one before gets an answer of its own.
TEST_F(KickTest, NoneIsLostAndNoneCountsTwice) {
  boot("spin");
  constexpr int kKicks = 300;
  std::atomic<int> answered{0};
  std::thread host([&] {
    for (int i = 0; i < kKicks; ++i) {
      kick();
      const auto until = std::chrono::steady_clock::now() + kPatience;
      while (answered.load() == i && std::chrono::steady_clock::now() < until) std::this_thread::yield();
      if (i % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(i)); // sometimes it runs by then
    }
  });
  for (int i = 0; i < kKicks; ++i) {
    const auto exit = machine.backend().run(0);
    EXPECT_TRUE(exit && exit.value().reason == SPORE_EXIT_KICKED) << (exit ? "" : exit.error().text);
    answered.store(i + 1);
  }
  host.join();
  ASSERT_RUNS_ON();
}

// Many threads at once: at least one answer, then it is quiet, and the next kick is answered once as ever.
TEST_F(KickTest, FromManyThreads) {
  boot("spin");
  constexpr int kThreads = 4, kKicksEach = 50;
  std::atomic<int> running{kThreads};
  std::vector<std::thread> hosts;
  for (int t = 0; t < kThreads; ++t) {
    hosts.emplace_back([&] {
      for (int i = 0; i < kKicksEach; ++i) kick();
      --running;
    });
  }
  int answers = 0;
  const auto run_and_count = [&] {
    const auto exit = machine.run(0, milliseconds(200));
    if (exit && exit->reason == SPORE_EXIT_KICKED) ++answers;
  };
  while (running > 0) run_and_count();
  for (auto& host : hosts) host.join();
  run_and_count(); // the last one may not have been answered yet, or no run may have come in time for any
  EXPECT_GE(answers, 1);
  ASSERT_RUNS_ON();
  kick();
  const auto exit = machine.run();
  ASSERT_KICKED(exit);
  ASSERT_RUNS_ON();
}

TEST_F(KickTest, OfAVcpuThatIsGoneIsHarmless) {
  ASSERT_TRUE(machine.open(2));
  std::thread vcpu([&] {
    EXPECT_TRUE(machine.create_vcpu(1));
    machine.backend().destroy_vcpu(1);
  });
  vcpu.join();
  machine.backend().kick(1);
  machine.backend().kick(7);
}

} // namespace
} // namespace guests
