// Where output goes is not to be trusted: readers that stand still, disks that are full, limits. The guest (life.S,
// mode=print) writes 16 KiB to its console and powers off.
#include <gmock/gmock.h>

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/machine-guests/run.hpp"

namespace machine_guests {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint64_t kPrinted = 7 + 256 * 64; // "mode p\n" and the lines

class Output : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = unusable()) GTEST_SKIP() << *reason;
  }
  void TearDown() override {
    for (const int fd : opened_) ::close(fd);
  }

  int keep(int fd) {
    EXPECT_GE(fd, 0);
    return opened_.emplace_back(fd);
  }
  int full_disk() { return keep(::open("/dev/full", O_WRONLY | O_CLOEXEC)); }

  // A pipe of 4 KiB that nobody reads: its end to write to, then the other.
  std::array<int, 2> still_pipe(int flags = 0) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | flags), 0);
    ::fcntl(ends[0], F_SETPIPE_SZ, 4096);
    return {keep(ends[1]), keep(ends[0])};
  }

  static std::string text_now(int fd) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    std::array<char, 8192> buffer;
    std::string text;
    for (ssize_t n = 0; (n = ::read(fd, buffer.data(), buffer.size())) > 0;)
      text.append(buffer.data(), static_cast<size_t>(n));
    return text;
  }
  static uint64_t read_now(int fd) { return text_now(fd).size(); }

  // One that has no room at all.
  int stuffed_pipe() { return stuffed_pipe_ends()[0]; }
  std::array<int, 2> stuffed_pipe_ends() {
    const auto ends = still_pipe(O_NONBLOCK);
    const std::string block(512, '#');
    while (::write(ends[0], block.data(), block.size()) > 0) {
    }
    ::fcntl(ends[0], F_SETFL, 0);
    return ends;
  }

  // A terminal at which ^S was typed.
  int stopped_terminal() {
    int ours = -1, theirs = -1;
    EXPECT_EQ(::openpty(&ours, &theirs, nullptr, nullptr, nullptr), 0);
    ::fcntl(ours, F_SETFD, FD_CLOEXEC);
    ::fcntl(theirs, F_SETFD, FD_CLOEXEC);
    EXPECT_EQ(::tcflow(theirs, TCOOFF), 0);
    keep(ours);
    return keep(theirs);
  }

  std::string path(const std::string& name) {
    return ::testing::TempDir() + "output-test." + std::to_string(::getpid()) + "." + name;
  }
  static std::string contents(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }

  static MachineText printing(const std::string& console = "stdout") {
    MachineText machine;
    machine.guest = "life";
    machine.cmdline = "mode=print";
    machine.lifecycle = "{run-timeout: 30s, stop-grace: 300ms}";
    machine.console = console;
    return machine;
  }

  static uint64_t lost(const Outcome& outcome, const std::string& stream) {
    return outcome.report.value("lost_bytes", nlohmann::json::object()).value(stream, uint64_t{0});
  }

 private:
  std::vector<int> opened_;
};

TEST_F(Output, AReaderThatStandsStillIsWaitedForAWhileAndToldOf) {
  const auto pipe = still_pipe();
  const auto spinner = still_pipe(O_NONBLOCK); // what some programs give their children
  SporeHost first(printing(), {}, {.out = pipe[0]});
  SporeHost second(printing(), {}, {.out = spinner[0]});
  SporeHost third(printing(), {}, {.out = stopped_terminal()});
  second.wait_for_guests_end();
  const auto used = second.processor_time();
  std::this_thread::sleep_for(2s);
  EXPECT_LT(second.processor_time() - used, 500ms) << "it waits, it does not spin";
  for (SporeHost* host : {&first, &second, &third}) {
    const Outcome outcome = host->finish();
    EXPECT_EQ(outcome.status, 121) << outcome.log;
    EXPECT_LT(outcome.total_ms, 20'000);
    ASSERT_TRUE(outcome.report.is_object()) << outcome.log;
    EXPECT_EQ(outcome.report.value("end", ""), "power-off") << "how the guest ended is another question";
    const uint64_t bytes = lost(outcome, "standard output");
    const uint64_t arrived = host == &first ? read_now(pipe[1]) : host == &second ? read_now(spinner[1]) : 0;
    EXPECT_EQ(bytes + arrived, kPrinted) << outcome.log;
    EXPECT_THAT(outcome.log, HasSubstr("sporehost: standard output: " + std::to_string(bytes) +
                                       " bytes were lost: its reader took no more of it"));
  }
}

// Longer than the end of a run would wait for it.
TEST_F(Output, ARestartWaitsForNoReaderAndLosesNothing) {
  const auto pipe = stuffed_pipe_ends();
  MachineText machine = printing();
  machine.cmdline = "mode=reset";
  machine.lifecycle = "{run-timeout: 50s, on-guest-reset: restart, restart-max: 6}";
  SporeHost host(machine, {}, {.out = pipe[0]});
  std::this_thread::sleep_for(6s);
  std::string arrived = text_now(pipe[1]);
  const Outcome outcome = host.finish();
  arrived += text_now(pipe[1]);
  EXPECT_EQ(outcome.status, 123) << outcome.log;
  EXPECT_EQ(outcome.report.value("restarts", 0), 6);
  std::string expected;
  for (int start = 0; start < 7; ++start) expected += "mode r\n";
  EXPECT_EQ(arrived.substr(arrived.find_last_of('#') + 1), expected);
  EXPECT_FALSE(outcome.report.contains("lost_bytes"));
}

// Where output was given up within a line, the report is a line of its own all the same.
TEST_F(Output, TheReportIsALineOfItsOwn) {
  const auto pipe = still_pipe();
  MachineText machine = printing();
  machine.report_file = false;
  SporeHost host(machine, {}, {.out = pipe[0]});
  host.wait_for_guests_end();
  host.signal(SIGTERM); // gives up what is left
  std::this_thread::sleep_for(500ms);
  std::string arrived = text_now(pipe[1]);
  const Outcome outcome = host.finish();
  EXPECT_EQ(outcome.status, 121) << outcome.log;
  arrived += text_now(pipe[1]);
  const size_t report = arrived.rfind("\n{");
  ASSERT_NE(report, std::string::npos) << arrived;
  EXPECT_TRUE(nlohmann::json::accept(arrived.substr(report + 1))) << arrived.substr(report + 1);
}

TEST_F(Output, ASignalEndsTheWaitForAReader) {
  SporeHost host(printing(), {}, {.out = still_pipe()[0]});
  host.wait_for_guests_end();
  const auto asked = std::chrono::steady_clock::now();
  host.signal(SIGTERM);
  const Outcome outcome = host.finish();
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 3s);
  EXPECT_GT(outcome.status, 0) << outcome.log;
  ASSERT_TRUE(outcome.report.is_object()) << "and it still reports: " << outcome.log;
  EXPECT_GT(lost(outcome, "standard output"), 0U);
}

TEST_F(Output, AFullDiskIsAFailureAndToldOnce) {
  const Outcome outcome = run(printing(), {}, {.out = full_disk()});
  EXPECT_EQ(outcome.status, 121) << outcome.log;
  EXPECT_EQ(lost(outcome, "standard output"), kPrinted);
  EXPECT_EQ(outcome.report.value("exit_status", -1), 121);
  const std::string at_once = "standard output: cannot be written: No space left on device";
  EXPECT_THAT(outcome.log, HasSubstr(at_once));
  EXPECT_EQ(outcome.log.find(at_once), outcome.log.rfind(at_once)) << outcome.log;
  EXPECT_THAT(outcome.log,
              HasSubstr("sporehost: standard output: " + std::to_string(kPrinted) + " bytes were lost: No"));
}

TEST_F(Output, AReaderThatWentAwayIsNoFailure) {
  auto pipe = still_pipe();
  ::close(::dup2(full_disk(), pipe[1])); // nobody has the reading end any more
  const Outcome outcome = run(printing(), {}, {.out = pipe[0]});
  EXPECT_EQ(outcome.status, 0) << outcome.log;
  EXPECT_THAT(outcome.log, Not(HasSubstr("bytes were lost")));
  EXPECT_EQ(lost(outcome, "standard output"), kPrinted);
}

TEST_F(Output, AConsoleFileThatCannotGrow) {
  const std::string file = path("limited");
  const Outcome outcome = run(printing(file), {}, {.file_kib = 8});
  EXPECT_EQ(outcome.status, 121) << "not the end by SIGXFSZ: " << outcome.log;
  EXPECT_THAT(outcome.log, HasSubstr("File too large"));
  EXPECT_EQ(contents(file).size(), 8192U);
  EXPECT_EQ(lost(outcome, "the console's file '" + file + "'"), kPrinted - 8192);
  ::unlink(file.c_str());
}

TEST_F(Output, AConsoleFileIsKeptOverRestarts) {
  const std::string file = path("restarts");
  MachineText machine = printing(file);
  machine.cmdline = "mode=reset";
  machine.lifecycle = "{run-timeout: 2s, on-guest-reset: restart}";
  const Outcome outcome = run(machine);
  EXPECT_EQ(outcome.status, 124) << outcome.log;
  EXPECT_THAT(contents(file), ::testing::StartsWith("mode r\n\n---- sporehost: restart 1 of the guest, "));
  ::unlink(file.c_str());
}

TEST_F(Output, ALogThatCannotBeWrittenIsToldAndStopsNothing) {
  MachineText machine = printing("none");
  machine.more = "log: {file: /dev/full}\n";
  const Outcome outcome = run(machine);
  EXPECT_EQ(outcome.status, 0) << outcome.log;
  EXPECT_THAT(outcome.log, HasSubstr("sporehost: log.file '/dev/full' cannot be written: No space left on device"));
  EXPECT_GT(outcome.report.value("log_lines_lost", 0), 0);
}

// Neither the devices, which write lines under their locks, nor the end wait for the log's reader.
TEST_F(Output, AStandardErrorThatNobodyReadsStopsNothing) {
  const Outcome outcome = run(printing("none"), {"--log", "debug"}, {.err = stuffed_pipe()});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_LT(outcome.total_ms, 15'000);
  ASSERT_TRUE(outcome.report.is_object());
  EXPECT_GT(outcome.report.value("log_lines_lost", 0), 0);
}

TEST_F(Output, ASignalAfterTheMachinesEndLosesNeitherStatusNorReport) {
  SporeHost host(printing("none"), {"--log", "debug"}, {.err = stuffed_pipe()});
  host.wait_for_guests_end();
  std::this_thread::sleep_for(300ms); // the log's reader is waited for
  const auto asked = std::chrono::steady_clock::now();
  host.signal(SIGTERM);
  const Outcome outcome = host.finish();
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 1500ms);
  EXPECT_EQ(outcome.status, 0);
  ASSERT_TRUE(outcome.report.is_object());
  EXPECT_GT(outcome.report.value("log_lines_lost", 0), 0);
}

TEST_F(Output, AReportIntoAPipe) {
  const std::string pipe = path("report");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  MachineText machine = printing("none");
  machine.report_file = false;
  const Outcome nobody = run(machine, {"--report-file", pipe});
  EXPECT_EQ(nobody.status, 125) << nobody.log;
  EXPECT_THAT(nobody.log, HasSubstr("it is a pipe that nobody reads; start the reader first"));
  const int reader = keep(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const Outcome outcome = run(machine, {"--report-file", pipe});
  EXPECT_EQ(outcome.status, 0) << outcome.log;
  EXPECT_GT(read_now(reader), 100U);
  ::unlink(pipe.c_str());
}

TEST_F(Output, AReportThatCannotBeWrittenIsNotARunThatNeverWas) {
  MachineText machine = printing("none");
  machine.report_file = false;
  const Outcome to_file = run(machine, {"--report-file", "/dev/full"});
  EXPECT_EQ(to_file.status, 121) << to_file.log;
  EXPECT_THAT(to_file.log, HasSubstr("--report-file: '/dev/full' cannot be written: No space left on device"));
  const Outcome to_stdout = run(machine, {}, {.out = full_disk()});
  EXPECT_EQ(to_stdout.status, 121) << to_stdout.log;
  EXPECT_THAT(to_stdout.log, HasSubstr("the report cannot be written to standard output: No space left on device"));
}

} // namespace
} // namespace machine_guests
