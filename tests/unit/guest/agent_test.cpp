// The real agent, as a process on a socket pair, against the host's side of the channel.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstdlib>
#include <thread>

#include "tests/unit/guest/talk.hpp"

namespace sporehost::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One agent process; killed at the end if it has not ended by itself.
class AgentProcess {
 public:
  AgentProcess(const char* program, UniqueFd socket) {
    const std::string number = std::to_string(socket.get());
    pid_ = fork();
    if (pid_ == 0) {
      // Nothing that whoever started the tests left open.
      close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
      fcntl(socket.get(), F_SETFD, 0);
      execl(program, program, "--serve-fd", number.c_str(), nullptr);
      _exit(126);
    }
  }
  ~AgentProcess() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  // User and system time it has used.
  std::chrono::microseconds used() const {
    clockid_t clock = 0;
    timespec time{};
    clock_getcpuclockid(pid_, &clock);
    clock_gettime(clock, &time);
    return std::chrono::microseconds(time.tv_sec * 1'000'000 + time.tv_nsec / 1000);
  }

 private:
  pid_t pid_ = -1;
};

// Whether a process that lost its parent is gone; whoever adopts it may take a moment to reap it.
bool vanishes(pid_t pid) {
  for (int i = 0; i < 500; ++i) {
    if (kill(pid, 0) != 0) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

class AgentTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    // A small buffer, as a virtqueue is: the agent meets EAGAIN and short writes.
    const int size = 4096;
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    talk_ = std::make_unique<Conversation>(UniqueFd(ends[0]));
    agent_ = std::make_unique<AgentProcess>(GetParam(), UniqueFd(ends[1]));
    ASSERT_TRUE(talk_->until([this] { return seen().hello.has_value(); })) << seen().error;
  }

  Recorder& seen() { return talk_->seen(); }

  void start(guest::Run run) {
    const auto result = talk_->channel().run(std::move(run));
    ASSERT_TRUE(result.ok()) << result.error().text;
  }
  void start(std::vector<std::string> argv) { start(command(std::move(argv))); }

  void expect_exit(guest::ExitKind kind, int code) {
    ASSERT_TRUE(talk_->until([this] { return seen().exit.has_value(); })) << seen().error;
    EXPECT_EQ(seen().exit->kind, kind) << seen().exit->message;
    EXPECT_EQ(seen().exit->code, code) << seen().exit->message;
  }

  void finish() {
    ASSERT_TRUE(talk_->channel().power_off().ok());
    ASSERT_TRUE(talk_->until([this] { return seen().bye.has_value(); })) << seen().error;
    EXPECT_EQ(agent_->wait(), 0);
  }

  std::unique_ptr<Conversation> talk_;
  std::unique_ptr<AgentProcess> agent_;
};

TEST_P(AgentTest, HelloSaysWhatTheKernelSays) {
  const guest::Hello& hello = *seen().hello;
  EXPECT_EQ(hello.page_size, static_cast<std::uint32_t>(sysconf(_SC_PAGESIZE)));
  const auto pages = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES));
  EXPECT_EQ(hello.mem_total_kib, pages * hello.page_size / 1024);
  EXPECT_GT(hello.boot_ns, 0u);
  EXPECT_FALSE(hello.kernel_release.empty());
  finish();
}

TEST_P(AgentTest, TrueRunsThroughInOrder) {
  start({"true"});
  expect_exit(guest::ExitKind::kExited, 0);
  finish();
  EXPECT_THAT(seen().events, ElementsAre("hello", "started", "ready", "exit", "bye"));
  EXPECT_GT(seen().pid, 0u);
}

TEST_P(AgentTest, FalseGivesItsStatus) {
  start({"/bin/false"});
  expect_exit(guest::ExitKind::kExited, 1);
  finish();
}

TEST_P(AgentTest, StreamsStayApartAndTheStatusIsTheShells) {
  start({"sh", "-c", "echo a; echo b >&2; exit 7"});
  expect_exit(guest::ExitKind::kExited, 7);
  EXPECT_EQ(seen().out, "a\n");
  EXPECT_EQ(seen().err, "b\n");
  finish();
}

TEST_P(AgentTest, ReadyComesWhileTheWorkloadSleeps) {
  start({"sleep", "60"});
  ASSERT_TRUE(talk_->until([this] { return seen().ready; }));
  EXPECT_FALSE(seen().exit.has_value());
}

TEST_P(AgentTest, ReadyComesAlthoughTheWorkloadNeverRests) {
  start({"yes"});
  ASSERT_TRUE(talk_->until([this] { return seen().ready; }));
}

TEST_P(AgentTest, IdleCostsNothing) {
  start({"sleep", "60"});
  ASSERT_TRUE(talk_->until([this] { return seen().ready; }));
  std::this_thread::sleep_for(milliseconds(300)); // past the deadline for READY
  const auto before = agent_->used();
  std::this_thread::sleep_for(milliseconds(500));
  EXPECT_LT((agent_->used() - before).count(), 5'000);
}

TEST_P(AgentTest, EightMebibytesArriveWhole) {
  start({"sh", "-c", "yes 0123456789abcde | head -c 8388608; yes fedcba987654321 | head -c 1048576 >&2"});
  expect_exit(guest::ExitKind::kExited, 0);
  std::string expected;
  while (expected.size() < 8388608) expected += "0123456789abcde\n";
  EXPECT_TRUE(seen().out == expected) << seen().out.size();
  EXPECT_EQ(seen().err.size(), 1048576u);
  finish();
}

TEST_P(AgentTest, AStuckHostHoldsTheWorkloadBackAndLosesNothing) {
  start({"sh", "-c", "yes 0123456789abcde | head -c 2097152"});
  std::this_thread::sleep_for(milliseconds(300)); // nobody reads
  const auto before = agent_->used();
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_LT((agent_->used() - before).count(), 5'000) << "a blocked agent must sleep";
  expect_exit(guest::ExitKind::kExited, 0);
  EXPECT_EQ(seen().out.size(), 2097152u);
  finish();
}

TEST_P(AgentTest, StopEndsASleep) {
  start({"sleep", "60"});
  ASSERT_TRUE(talk_->until([this] { return seen().ready; }));
  ASSERT_TRUE(talk_->channel().stop(milliseconds(10'000)).ok());
  expect_exit(guest::ExitKind::kSignalled, SIGTERM);
  EXPECT_THAT(seen().exit->message, HasSubstr("Terminated"));
  finish();
}

TEST_P(AgentTest, StopKillsWhatIgnoresItAfterTheGrace) {
  start({"sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"});
  ASSERT_TRUE(talk_->until([this] { return seen().out == "up\n"; }));
  const auto begin = steady_clock::now();
  ASSERT_TRUE(talk_->channel().stop(milliseconds(200)).ok());
  expect_exit(guest::ExitKind::kSignalled, SIGKILL);
  EXPECT_GE(steady_clock::now() - begin, milliseconds(190));
  finish();
}

TEST_P(AgentTest, ASignalIsReportedAsOne) {
  start({"sh", "-c", "kill -SEGV $$"});
  expect_exit(guest::ExitKind::kSignalled, SIGSEGV);
  finish();
}

TEST_P(AgentTest, AMissingProgramCannotStart) {
  start({"/no/such/program"});
  expect_exit(guest::ExitKind::kCouldNotStart, ENOENT);
  EXPECT_THAT(seen().exit->message, HasSubstr("/no/such/program"));
  EXPECT_FALSE(seen().ready);
  finish();
}

TEST_P(AgentTest, AMissingFolderCannotStart) {
  guest::Run run = command({"true"});
  run.cwd = "/no/such/folder";
  start(run);
  expect_exit(guest::ExitKind::kCouldNotStart, ENOENT);
  EXPECT_THAT(seen().exit->message, HasSubstr("/no/such/folder"));
  finish();
}

TEST_P(AgentTest, EnvironmentFolderAndLimitsReachTheWorkload) {
  guest::Run run = command({"sh", "-c", "pwd; echo \"$ANSWER $HOME.\"; ulimit -n; cat; echo $PATH"});
  run.env = {"ANSWER=42"};
  run.cwd = "/usr";
  run.limits = {{RLIMIT_NOFILE, 77, 77}};
  start(run);
  expect_exit(guest::ExitKind::kExited, 0);
  EXPECT_THAT(seen().out, HasSubstr("/usr\n42 .\n77\n/usr/local/sbin:"));
  finish();
}

TEST_P(AgentTest, TheWorkloadInheritsNoDescriptor) {
  start({"ls", "/proc/self/fd"});
  expect_exit(guest::ExitKind::kExited, 0);
  EXPECT_EQ(seen().out, "0\n1\n2\n3\n"); // 3 is the folder that ls reads
  finish();
}

TEST_P(AgentTest, TheWorkloadInheritsNoBlockedOrIgnoredSignal) {
  start({"grep", "-E", "SigBlk|SigIgn", "/proc/self/status"});
  expect_exit(guest::ExitKind::kExited, 0);
  EXPECT_EQ(seen().out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  finish();
}

TEST_P(AgentTest, TenThousandArguments) {
  std::vector<std::string> argv{"sh", "-c", "echo $#", "x"};
  argv.resize(guest::kMaxArguments, "y");
  start(argv);
  expect_exit(guest::ExitKind::kExited, 0);
  EXPECT_EQ(seen().out, "9996\n");
  finish();
}

TEST_P(AgentTest, ADaemonLeftBehindHoldsNothingUp) {
  // It keeps both pipes open and outlives the workload.
  start({"sh", "-c", "(sleep 60) & echo started"});
  const auto begin = steady_clock::now();
  expect_exit(guest::ExitKind::kExited, 0);
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_EQ(seen().out, "started\n");
  finish();
}

TEST_P(AgentTest, OutputOfAProcessLeftBehindStillArrives) {
  start({"sh", "-c", "(sleep 0.3; echo late) & echo early"});
  expect_exit(guest::ExitKind::kExited, 0);
  EXPECT_EQ(seen().out, "early\n");
  EXPECT_TRUE(talk_->until([this] { return seen().out == "early\nlate\n"; }));
  finish();
}

TEST_P(AgentTest, OrphansAreReaped) {
  start({"sh", "-c", "for i in 1 2 3; do (sh -c 'sleep 0.1 & exit' &) ; done; sleep 0.5; ps -o stat= --ppid $PPID"});
  expect_exit(guest::ExitKind::kExited, 0);
  EXPECT_THAT(seen().out, ::testing::Not(HasSubstr("Z"))) << seen().out;
  finish();
}

TEST_P(AgentTest, ClosedStreamsAreNoEnd) {
  start({"sh", "-c", "exec >&- 2>&-; sleep 0.4; exit 3"});
  std::this_thread::sleep_for(milliseconds(150));
  const auto before = agent_->used();
  std::this_thread::sleep_for(milliseconds(150));
  EXPECT_LT((agent_->used() - before).count(), 5'000);
  expect_exit(guest::ExitKind::kExited, 3);
  finish();
}

TEST_P(AgentTest, QueryMemoryIsAnsweredAtAnyTime) {
  ASSERT_TRUE(talk_->channel().query_memory().ok());
  ASSERT_TRUE(talk_->until([this] { return seen().memory.size() == 1; }));
  EXPECT_EQ(seen().memory[0].total_kib, seen().hello->mem_total_kib);
  EXPECT_GT(seen().memory[0].available_kib, 0u);
  start({"yes"});
  ASSERT_TRUE(talk_->until([this] { return seen().out.size() > 100'000; }));
  ASSERT_TRUE(talk_->channel().query_memory().ok());
  ASSERT_TRUE(talk_->until([this] { return seen().memory.size() == 2; })) << "a report must overtake the flood";
}

TEST_P(AgentTest, PowerOffEndsARunningWorkload) {
  start({"sleep", "60"});
  ASSERT_TRUE(talk_->until([this] { return seen().ready; }));
  const auto pid = static_cast<pid_t>(seen().pid);
  finish();
  EXPECT_TRUE(vanishes(pid));
}

TEST_P(AgentTest, AStreamThatIsNotFramesEndsTheAgent) {
  const std::string junk(100, 'x');
  ASSERT_EQ(write(talk_->fd(), junk.data(), junk.size()), 100);
  ASSERT_TRUE(talk_->until([this] { return seen().bye.has_value(); }));
  EXPECT_EQ(agent_->wait(), 1);
}

TEST_P(AgentTest, UnknownFramesAreSkipped) {
  const auto frame = guest::make_frame(static_cast<guest::FrameType>(0x7777),
                                       [](guest::ByteWriter& out) { out.text("from the future"); });
  ASSERT_EQ(write(talk_->fd(), frame.data(), frame.size()), static_cast<ssize_t>(frame.size()));
  start({"true"});
  expect_exit(guest::ExitKind::kExited, 0);
  finish();
}

TEST_P(AgentTest, AMalformedRunIsAnExit) {
  // The host's channel would never send these: the first takes the place of its RUN, the second comes on top.
  const auto malformed = guest::make_frame(guest::FrameType::kRun, [](guest::ByteWriter& out) {
    out.number(std::uint16_t{1});
    out.number(std::uint16_t{2});
    out.text("true");
  });
  ASSERT_EQ(write(talk_->fd(), malformed.data(), malformed.size()), static_cast<ssize_t>(malformed.size()));
  start({"true"});
  expect_exit(guest::ExitKind::kCouldNotStart, EBADMSG);
  ASSERT_TRUE(talk_->until([this] { return !seen().logs.empty(); }));
  EXPECT_THAT(seen().logs[0], HasSubstr("RUN ignored"));
  finish();
}

TEST_P(AgentTest, TheEndOfThePortEndsAgentAndWorkload) {
  start({"sleep", "60"});
  ASSERT_TRUE(talk_->until([this] { return seen().ready; }));
  const auto pid = static_cast<pid_t>(seen().pid);
  talk_.reset();
  EXPECT_EQ(agent_->wait(), 1);
  EXPECT_TRUE(vanishes(pid));
}

INSTANTIATE_TEST_SUITE_P(Static, AgentTest, ::testing::Values(SPORE_AGENT));
INSTANTIATE_TEST_SUITE_P(Checked, AgentTest, ::testing::Values(SPORE_AGENT_CHECKED));

} // namespace
} // namespace sporehost::test
