// How scripts are started, and how they end when we are asked to end.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <thread>

#include "core/kernel/script.hpp"
#include "kernel_fixture.hpp"

namespace sporehost::kernel::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class ScriptTest : public ::testing::Test {
 protected:
  fs::path script(const std::string& body) {
    const fs::path path = folder_.path() / "script";
    put(path, "#!/bin/sh\n" + body);
    ::chmod(path.c_str(), 0755);
    return path;
  }
  fs::path file(const char* name) { return folder_.path() / name; }

  static bool until(const std::function<bool()>& done) {
    for (int i = 0; i < 1000; ++i) {
      if (done()) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

  // A process that runs the script and is asked to end once the script has written `started`. Returns how it ended.
  int stopped_by(const fs::path& path, int signal) {
    const pid_t child = ::fork();
    if (child == 0) {
      (void)run_script(path, {folder_.path().string()}, {}, true);
      ::_exit(42); // the signal was not raised again
    }
    EXPECT_TRUE(until([&] { return fs::exists(file("started")); }));
    ::kill(child, signal);
    int status = 0;
    EXPECT_TRUE(until([&] { return ::waitpid(child, &status, WNOHANG) == child; })) << "it goes on";
    return status;
  }

  bool is_gone(const char* pid_file) {
    const int pid = std::stoi(get(file(pid_file)));
    return until([pid] {
      std::error_code ignored;
      return !fs::exists("/proc/" + std::to_string(pid) + "/exe", ignored);
    });
  }

  TempFolder folder_;
};

TEST_F(ScriptTest, NothingIsBlockedOrIgnoredInIt) {
  const auto ignored = ::signal(SIGPIPE, SIG_IGN);
  sigset_t set, before;
  sigfillset(&set);
  ::pthread_sigmask(SIG_BLOCK, &set, &before);
  const auto outcome = run_script(script("awk '/SigBlk|SigIgn/ { print $2 }' /proc/self/status"), {}, {}, true);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGPIPE, ignored);
  ASSERT_TRUE(outcome.ok()) << outcome.error().text;
  uint64_t blocked = ~0ull, passed_over = ~0ull;
  ASSERT_EQ(std::sscanf(outcome->output.c_str(), "%lx\n%lx", &blocked, &passed_over), 2) << outcome->output;
  EXPECT_EQ(blocked, 0u);
  constexpr uint64_t kOfTheLibrary = 3ull << 31; // 32 and 33, which glibc keeps to itself
  EXPECT_EQ(passed_over & ~kOfTheLibrary, 0u);
}

TEST_F(ScriptTest, ASignalEndsItWithAllThatItStarted) {
  const fs::path path =
      script("cd $1; sleep 1000 & echo $! >grandchild; echo $$ >child; touch started; wait; sleep 1000\n");
  const int status = stopped_by(path, SIGTERM);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
  EXPECT_TRUE(is_gone("child") && is_gone("grandchild"));
}

TEST_F(ScriptTest, WhatDoesNotListenIsKilled) {
  const fs::path path = script("trap '' INT; cd $1; echo $$ >child; touch started; while :; do sleep 1; done\n");
  const auto begin = std::chrono::steady_clock::now();
  const int status = stopped_by(path, SIGINT);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 4s) << "it had time to end by itself";
  EXPECT_TRUE(is_gone("child"));
}

TEST_F(ScriptTest, WhoHandlesTheSignalHearsOfIt) {
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set, &before);
  const auto outcome = run_script(script("kill -TERM $PPID; sleep 1000\n"), {}, {}, true);
  const timespec at_once{};
  const int pending = ::sigtimedwait(&set, nullptr, &at_once);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(pending, SIGTERM);
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.error().text, HasSubstr("was stopped by SIGTERM"));
}

} // namespace
} // namespace sporehost::kernel::testing
