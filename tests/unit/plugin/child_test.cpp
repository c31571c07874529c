// A child process and what becomes of it, with a shell in the place of the program.
#include "core/plugin/child.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>

namespace sporehost::plugin::test {
namespace {

using namespace std::chrono_literals;
using How = ChildEnd::How;

ChildEnd shell(const std::string& script, std::chrono::milliseconds limit = 20s, const std::string& input = "") {
  ChildCall call;
  call.program = "/bin/sh";
  call.arguments = {"-c", script};
  call.input = input;
  call.limit = limit;
  return run_child(call);
}

bool is_alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  stat >> number >> name >> state;
  return !state.empty() && state != "Z" && state != "X";
}

TEST(Child, AnswersInLinesAndItsPrintsAreKeptApart) {
  const ChildEnd end =
      shell("echo printed; echo complained >&2; echo '{\"pid\":'$$',\"a\":1}' >&3; cat >&2", 20s, "input");
  EXPECT_TRUE(end.clean());
  ASSERT_EQ(end.lines.size(), 1U);
  EXPECT_EQ(end.lines[0]["a"], 1);
  EXPECT_EQ(end.out, "printed\n");
  EXPECT_EQ(end.err, "complained\ninput");
  EXPECT_FALSE(end.doubled);
  EXPECT_FALSE(end.left_processes);
}

TEST(Child, TheWayItEndedIsTold) {
  const ChildEnd status = shell("echo no >&2; exit 3");
  EXPECT_EQ(status.how, How::exited);
  EXPECT_EQ(status.text("in create", 5s), "ended the process with status 3 in create; it wrote: no");
  const ChildEnd killed = shell("kill -SEGV $$");
  EXPECT_EQ(killed.how, How::signalled);
  EXPECT_EQ(killed.text("in plan", 5s), "ended the process with signal 11 (SIGSEGV) in plan");
  ChildCall absent;
  absent.program = "/nowhere/at/all";
  absent.limit = 5s;
  EXPECT_EQ(run_child(absent).text("", 5s),
            "could not be looked at, as this host started no child process: No such file or directory");
}

TEST(Child, TimeIsUpForTheWholeGroup) {
  const ChildEnd end = shell("sleep 100 & echo '{\"pid\":'$$',\"other\":'$!'}' >&3; wait", 300ms);
  EXPECT_EQ(end.how, How::timed_out);
  EXPECT_EQ(end.text("in plan", 300ms), "did not come back within 300ms in plan; SPOREHOST_PLUGIN_TIMEOUT allows more");
  ASSERT_EQ(end.lines.size(), 1U);
  const pid_t other = end.lines[0]["other"].get<pid_t>();
  for (int i = 0; i < 200 && is_alive(other); ++i) ::usleep(10'000);
  EXPECT_FALSE(is_alive(other));
}

TEST(Child, EachLineOfTheAnswerGivesItMoreTime) {
  const ChildEnd end = shell("for i in 1 2 3 4 5; do sleep 0.3; echo '{\"pid\":'$$'}' >&3; done", 1200ms);
  EXPECT_TRUE(end.clean());
  EXPECT_EQ(end.lines.size(), 5U);
}

TEST(Child, WhatItLeavesBehindIsSeenAndKilled) {
  const ChildEnd end = shell("sleep 100 & echo '{\"pid\":'$$',\"other\":'$!'}' >&3");
  EXPECT_TRUE(end.clean());
  EXPECT_TRUE(end.left_processes);
  ASSERT_EQ(end.lines.size(), 1U);
  const pid_t other = end.lines[0]["other"].get<pid_t>();
  for (int i = 0; i < 200 && is_alive(other); ++i) ::usleep(10'000);
  EXPECT_FALSE(is_alive(other));
}

TEST(Child, AnAnswerOfSomebodyElseDoesNotCount) {
  const ChildEnd end = shell(R"(echo '{"pid":1,"state":"loaded"}' >&3; echo '[1' >&3; echo '7' >&3; printf '\377\n' >&3
                               echo '{"state":"loaded"}' >&3; echo '{"pid":"x"}' >&3)");
  EXPECT_TRUE(end.clean());
  EXPECT_TRUE(end.lines.empty());
  EXPECT_TRUE(end.doubled);
}

TEST(Child, PrintsAreCutAndTooLongAnAnswerEndsIt) {
  const ChildEnd printer = shell("head -c 10000000 /dev/zero; head -c 10000000 /dev/zero >&2");
  EXPECT_TRUE(printer.clean());
  EXPECT_LE(printer.out.size(), 4096U);
  EXPECT_LE(printer.err.size(), 4096U);
  const ChildEnd talker = shell("cat /dev/zero >&3");
  EXPECT_EQ(talker.how, How::too_much);
}

} // namespace
} // namespace sporehost::plugin::test
