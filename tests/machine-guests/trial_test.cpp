// Trials with guests (tests/support/trial.hpp): the program is ended at random moments and may leave nothing behind,
// and memory comes and goes in random order.
#include <gmock/gmock.h>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/machine-guests/run.hpp"
#include "tests/support/trial.hpp"

namespace machine_guests {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// Everything that a run may use as its own lies in one folder, and what a run starts bears a mark in its environment.
class GuestTrial : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = unusable()) GTEST_SKIP() << *reason;
    std::string name = (fs::temp_directory_path() / "sporehost-trial-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    for (const char* variable : {"TMPDIR", "HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"})
      ::setenv(variable, folder_.c_str(), 1);
    mark_ = "SPORE_TRIAL_MARK=" + name;
    ::setenv("SPORE_TRIAL_MARK", name.c_str(), 1);
  }

  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  [[nodiscard]] std::vector<std::string> processes() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const std::string pid = entry.path().filename();
      if (pid.find_first_not_of("0123456789") != std::string::npos || pid == std::to_string(::getpid())) continue;
      std::ifstream file(entry.path() / "environ", std::ios::binary);
      const std::string environment(std::istreambuf_iterator<char>(file), {});
      if (environment.find(mark_) != std::string::npos) found.push_back(pid);
    }
    return found;
  }

  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) found.push_back(entry.path());
    for (const auto& entry : fs::directory_iterator("/dev/shm"))
      if (entry.path().filename().string().find("spore") != std::string::npos) found.push_back(entry.path());
    return found;
  }

  // What is about to end may take a moment for it on a busy machine.
  void expect_nothing_left(const std::string& where) const {
    for (int i = 0; i < 100 && !processes().empty(); ++i) std::this_thread::sleep_for(50ms);
    EXPECT_THAT(processes(), IsEmpty()) << where;
    EXPECT_THAT(files(), IsEmpty()) << where;
  }

  static MachineText some_machine(spore_test::Trial& trial) {
    const std::string lifecycle = "{run-timeout: 50s, stop-grace: 100ms, on-guest-reset: restart}";
    switch (trial.below(5)) {
      case 0:
        return {.guest = "life", .cmdline = "mode=halt", .lifecycle = lifecycle};
      case 1:
        return {.guest = "life", .cmdline = "mode=spin", .lifecycle = lifecycle};
      case 2:
        return {.guest = "life", .cmdline = "mode=reset", .lifecycle = lifecycle}; // starts again and again
      case 3:
        return {.guest = "life", .cmdline = "mode=off", .lifecycle = lifecycle};
      default:
        return {.guest = "memory",
                .cmdline = "part=whole",
                .memory = "{policy: {plugin: policy-elastic}}",
                .devices = "virtio-mem, virtio-rng, serial-16550",
                .lifecycle = lifecycle};
    }
  }

  fs::path folder_;
  std::string mark_;
};

TEST_F(GuestTrial, NothingIsLeftWhereverItIsEnded) {
  spore_test::Trial trial(12);
  while (trial.next() && !HasFailure()) {
    constexpr int kSignals[] = {SIGKILL, SIGKILL, SIGTERM, SIGINT, SIGHUP};
    const MachineText machine = some_machine(trial);
    const int number = kSignals[trial.below(std::size(kSignals))];
    const auto delay = std::chrono::microseconds(trial.below(trial.below(2) == 0 ? 30'000 : 400'000));
    const std::string where = trial.name() + ": " + machine.guest + " " + machine.cmdline + ", signal " +
                              std::to_string(number) + " after " + std::to_string(delay.count()) + " us";
    {
      SporeHost host(machine);
      std::this_thread::sleep_for(delay);
      host.signal(number);
      const auto asked = std::chrono::steady_clock::now();
      const Outcome outcome = host.finish();
      // -N: before the program could listen. 0: the guest was quicker.
      EXPECT_THAT(outcome.status, AnyOf(128 + number, -number, 0)) << where << "\n" << outcome.log;
      EXPECT_LT(std::chrono::steady_clock::now() - asked, 20s) << where << "\n" << outcome.log;
    }
    expect_nothing_left(where);
  }
  std::printf("%lu rounds\n", static_cast<unsigned long>(trial.rounds_done()));
}

TEST_F(GuestTrial, MemoryComesAndGoes) {
  spore_test::Trial trial(2);
  while (trial.next() && !HasFailure()) {
    const std::string words = "part=rounds rounds=400 seed=" + std::to_string(trial.below(1'000'000));
    const Outcome outcome = run({.guest = "memory",
                                 .cmdline = words,
                                 .memory = "{policy: {plugin: policy-elastic}}",
                                 .devices = "virtio-mem, virtio-rng, serial-16550"});
    EXPECT_THAT(outcome.lines(), Not(Contains(StartsWith("FAIL")))) << trial.name() << ": " << words;
    EXPECT_THAT(outcome.lines(), Contains("done")) << trial.name() << ": " << words << outcome.console << outcome.log;
    EXPECT_EQ(outcome.status, 0) << outcome.log;
    EXPECT_GT(outcome.counter("virtio-mem", "plug_requests"), 20U);
    EXPECT_GT(outcome.counter("virtio-mem", "unplug_requests"), 20U);
    expect_nothing_left(trial.name());
  }
  std::printf("%lu rounds of 400 requests\n", static_cast<unsigned long>(trial.rounds_done()));
}

} // namespace
} // namespace machine_guests
