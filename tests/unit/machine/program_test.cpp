// How other programs are started, and how they end when we are asked to end.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <thread>

#include "core/system/program.hpp"

namespace sporehost {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class ProgramTest : public ::testing::Test {
 protected:
  ProgramTest() {
    std::string name = (fs::temp_directory_path() / "sporehost-program.XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~ProgramTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  fs::path script(const std::string& body) {
    const fs::path path = file("script");
    std::ofstream(path) << "#!/bin/sh\n" << body;
    ::chmod(path.c_str(), 0755);
    return path;
  }
  fs::path file(const char* name) { return folder_ / name; }

  static bool until(const std::function<bool()>& done) {
    for (int i = 0; i < 1000; ++i) {
      if (done()) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

  // A process that runs the script and is asked to end once the script has written `started`. Returns how it ended.
  int stopped_by(const fs::path& path, int signal, Bond bond = Bond::script) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::signal(signal, SIG_DFL); // whoever runs the tests may ignore it
      (void)run_program({.program = path, .arguments = {folder_.string()}, .bond = bond});
      ::_exit(42); // the signal was not raised again
    }
    EXPECT_TRUE(until([&] { return fs::exists(file("started")); }));
    ::kill(child, signal);
    int status = 0;
    EXPECT_TRUE(until([&] { return ::waitpid(child, &status, WNOHANG) == child; })) << "it goes on";
    return status;
  }

  int number_in(const char* name) {
    int number = -1;
    std::ifstream(file(name)) >> number;
    return number;
  }

  bool is_gone(const char* pid_file) {
    const int pid = number_in(pid_file);
    return until([pid] {
      std::error_code ignored;
      return !fs::exists("/proc/" + std::to_string(pid) + "/exe", ignored);
    });
  }

  fs::path folder_;
};

TEST_F(ProgramTest, NothingIsBlockedOrIgnoredInIt) {
  const auto ignored = ::signal(SIGPIPE, SIG_IGN);
  sigset_t set, before;
  sigfillset(&set);
  ::pthread_sigmask(SIG_BLOCK, &set, &before);
  const auto outcome = run_program({.program = script("awk '/SigBlk|SigIgn/ { print $2 }' /proc/self/status")});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGPIPE, ignored);
  ASSERT_TRUE(outcome.ok()) << outcome.error().text;
  uint64_t blocked = ~0ull, passed_over = ~0ull;
  ASSERT_EQ(std::sscanf(outcome->output.c_str(), "%lx\n%lx", &blocked, &passed_over), 2) << outcome->output;
  EXPECT_EQ(blocked, 0u);
  constexpr uint64_t kOfTheLibrary = 3ull << 31; // 32 and 33, which glibc keeps to itself
  EXPECT_EQ(passed_over & ~kOfTheLibrary, 0u);
}

TEST_F(ProgramTest, ASignalEndsItWithAllThatItStarted) {
  const fs::path path =
      script("cd $1; sleep 1000 & echo $! >grandchild; echo $$ >child; touch started; wait; sleep 1000\n");
  const int status = stopped_by(path, SIGTERM);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
  EXPECT_TRUE(is_gone("child") && is_gone("grandchild"));
}

TEST_F(ProgramTest, WhatDoesNotListenIsKilled) {
  const fs::path path = script("trap '' INT; cd $1; echo $$ >child; touch started; while :; do sleep 1; done\n");
  const auto begin = std::chrono::steady_clock::now();
  const int status = stopped_by(path, SIGINT);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 4s) << "it had time to end by itself";
  EXPECT_TRUE(is_gone("child"));
}

TEST_F(ProgramTest, ASignalEndsOneThatHasClosedItsOutputs) {
  const fs::path path = script(
      "cd $1; echo $$ >child; exec >&- 2>&-; (sleep 0.3; : >started) & trap '' TERM; while :; do sleep 1; done\n");
  const int status = stopped_by(path, SIGTERM);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
  EXPECT_TRUE(is_gone("child"));
}

TEST_F(ProgramTest, WhatAScriptStartedHasItsGraceAfterTheScriptsEnd) {
  const fs::path path =
      script("cd $1; (trap '' TERM; sh -c 'echo $PPID' >grandchild; : >started; while :; do sleep 1; done) & wait\n");
  const int status = stopped_by(path, SIGTERM);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
  EXPECT_TRUE(is_gone("grandchild"));
}

TEST_F(ProgramTest, WhatItLeavesRunningIsNotWaitedFor) {
  for (const Bond bond : {Bond::script, Bond::part}) {
    for (const std::string background : {"sleep 5", "timeout 5 yes"}) {
      const auto begin = std::chrono::steady_clock::now();
      const auto outcome = run_program({.program = script("echo out; " + background + " & exit 3\n"), .bond = bond});
      EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s) << background;
      ASSERT_TRUE(outcome.ok()) << outcome.error().text;
      EXPECT_EQ(outcome->status, 3);
      EXPECT_TRUE(outcome->output.starts_with("out\n")) << outcome->output;
    }
  }
}

TEST_F(ProgramTest, ASignalIsNoStatus) {
  const auto outcome = run_program({.program = script("kill -KILL $$\n")});
  ASSERT_TRUE(outcome.ok()) << outcome.error().text;
  EXPECT_FALSE(outcome->succeeded());
  EXPECT_EQ(outcome->how(), "signal 9");
  EXPECT_EQ(run_program({.program = script("exit 200\n")})->how(), "status 200");
}

TEST_F(ProgramTest, WhoHandlesTheSignalHearsOfIt) {
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set, &before);
  const auto outcome = run_program({.program = script("kill -TERM $PPID; sleep 1000\n")});
  const timespec at_once{};
  const int pending = ::sigtimedwait(&set, nullptr, &at_once);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(pending, SIGTERM);
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.error().text, HasSubstr("was stopped by SIGTERM"));
}

// Ctrl-C at a terminal and a signal to us alone come to the same.
TEST_F(ProgramTest, APartOfOursEndsToo) {
  const fs::path path = script("cd $1; echo $$ >child; touch started; exec sleep 1000\n");
  const int status = stopped_by(path, SIGHUP, Bond::part);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP) << status;
  EXPECT_TRUE(is_gone("child"));
}

// The end of its input is what it sees when we are killed.
TEST_F(ProgramTest, APartOfOursSeesOurEnd) {
  const fs::path path = script("cd $1; echo $$ >child; touch started; cat; touch seen\n");
  const int status = stopped_by(path, SIGKILL, Bond::part);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  EXPECT_TRUE(until([&] { return fs::exists(file("seen")); }));
}

TEST_F(ProgramTest, ItsErrorsAreTakenOrPassedOn) {
  const fs::path path = script("echo out; echo err >&2; exit 3\n");
  const auto taken = run_program({.program = path});
  ASSERT_TRUE(taken.ok()) << taken.error().text;
  EXPECT_EQ(taken->output, "out\n");
  EXPECT_EQ(taken->errors, "err\n");
  EXPECT_EQ(taken->status, 3);
  ::testing::internal::CaptureStderr();
  const auto passed_on = run_program({.program = path, .bond = Bond::part});
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "err\n");
  ASSERT_TRUE(passed_on.ok()) << passed_on.error().text;
  EXPECT_EQ(passed_on->output + "/" + passed_on->errors, "out\n/");
}

TEST_F(ProgramTest, NoMoreIsKeptThanWasAskedFor) {
  const auto outcome = run_program({.program = script("yes | head -c 100000"), .most_output = 1000});
  ASSERT_TRUE(outcome.ok()) << outcome.error().text;
  EXPECT_EQ(outcome->output.size(), 1000u);
  EXPECT_EQ(outcome->status, 0);
}

TEST_F(ProgramTest, OneThatCannotBeStartedIsNamed) {
  const auto outcome = run_program({.program = file("nothing")});
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().text, "cannot start '" + file("nothing").string() + "': No such file or directory");
}

} // namespace
} // namespace sporehost
