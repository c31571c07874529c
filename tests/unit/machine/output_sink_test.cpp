#include "core/session/outputs.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>

namespace sporehost {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr size_t kMegabyte = 1 << 20;
const std::vector<uint8_t> megabyte(kMegabyte, 'x');

struct Ends {
  UniqueFd read;
  UniqueFd write;
};

Ends make_pipe() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Ends make_socket() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// A terminal without translation of line ends.
Ends make_terminal() {
  int ours = -1, theirs = -1;
  termios mode{};
  ::cfmakeraw(&mode);
  EXPECT_EQ(::openpty(&ours, &theirs, nullptr, &mode, nullptr), 0);
  return {UniqueFd(ours), UniqueFd(theirs)};
}

size_t read_all(int fd) {
  std::array<char, 65536> buffer{};
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  size_t total = 0;
  for (ssize_t n = 0; (n = ::read(fd, buffer.data(), buffer.size())) > 0;) total += static_cast<size_t>(n);
  return total;
}

std::chrono::milliseconds took(const std::function<void()>& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

std::chrono::nanoseconds processor_time() {
  timespec spent{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

class OutputSinkTest : public ::testing::TestWithParam<Ends (*)()> {
 protected:
  void read_later(OutputSink& sink, int fd) {
    drain_ = [this, &sink, fd] {
      total_ += read_all(fd);
      if (total_ == kMegabyte) return loop_->stop();
      EXPECT_FALSE(sink.loss());
      loop_->start_timer(100'000, drain_);
    };
    drain_();
    loop_->run();
  }
  std::unique_ptr<EventLoop> loop_ = std::move(EventLoop::create()).value();
  std::function<void()> drain_;
  size_t total_ = 0;
};

std::string name_of(const ::testing::TestParamInfo<Ends (*)()>& made) {
  return made.index == 0 ? "Pipe" : made.index == 1 ? "Socket" : "Terminal";
}
INSTANTIATE_TEST_SUITE_P(, OutputSinkTest, ::testing::Values(&make_pipe, &make_socket, &make_terminal), name_of);

TEST_P(OutputSinkTest, ASlowReaderNeverBlocksTheLoopAndLosesNothing) {
  const Ends ends = GetParam()();
  OutputSink sink("output", ends.write.get());
  sink.attach(*loop_);
  int drained = 0;
  sink.on_drained([&] { ++drained; });
  EXPECT_LT(took([&] { sink.write(megabyte); }), 2s); // far more than the queue between takes
  EXPECT_TRUE(sink.full());
  EXPECT_EQ(::fcntl(ends.write.get(), F_GETFL) & O_NONBLOCK, 0) << "it is others' too, and stays as it was";
  read_later(sink, ends.read.get());
  EXPECT_EQ(total_, kMegabyte);
  EXPECT_EQ(drained, 1);
  EXPECT_FALSE(sink.full());
}

TEST_P(OutputSinkTest, WhatComesNonBlockingIsNoReasonToSpin) {
  const Ends ends = GetParam()();
  ::fcntl(ends.write.get(), F_SETFL, O_NONBLOCK);
  OutputSink sink("output", ends.write.get());
  sink.attach(*loop_);
  sink.write(megabyte);
  const auto before = processor_time();
  loop_->start_timer(500'000'000, [&] { loop_->stop(); });
  loop_->run();
  EXPECT_LT(processor_time() - before, 200ms);
  read_later(sink, ends.read.get());
  EXPECT_EQ(total_, kMegabyte);
}

TEST_P(OutputSinkTest, ABacklogOutlivesTheMachineAndItsLoop) {
  const Ends ends = GetParam()();
  OutputSink sink("output", ends.write.get());
  {
    auto first = std::move(EventLoop::create()).value();
    sink.attach(*first);
    sink.write(megabyte);
    sink.detach();
  }
  sink.attach(*loop_);
  read_later(sink, ends.read.get());
  EXPECT_EQ(total_, kMegabyte);
}

TEST(OutputSink, ATerminalThatIsStoppedIsNotWaitedFor) {
  const Ends ends = make_terminal();
  ASSERT_EQ(::tcflow(ends.write.get(), TCOOFF), 0); // ^S
  OutputSink sink("output", ends.write.get());
  EXPECT_LT(took([&] { sink.write(megabyte); }), 2s);
  EXPECT_EQ(sink.backlog(), kMegabyte);
  ::tcflow(ends.write.get(), TCOON);
  EXPECT_FALSE(sink.drain());
  EXPECT_LT(sink.backlog(), kMegabyte);
}

TEST(OutputSink, AReaderThatIsGoneEndsTheOutputNotTheMachine) {
  ::signal(SIGPIPE, SIG_IGN);
  Ends ends = make_pipe();
  OutputSink sink("output", ends.write.get());
  ends.read.reset();
  sink.write(megabyte);
  EXPECT_FALSE(sink.full());
  EXPECT_TRUE(sink.drain());
  ASSERT_TRUE(sink.loss());
  EXPECT_TRUE(sink.loss()->reader_gone());
  EXPECT_EQ(sink.loss()->bytes, kMegabyte);
}

TEST(OutputSink, AFullDiskIsToldWithWhatItCost) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  OutputSink sink("output", full.get());
  sink.write(std::span(megabyte).first(1000));
  sink.write(std::span(megabyte).first(234));
  ASSERT_TRUE(sink.loss());
  EXPECT_FALSE(sink.loss()->reader_gone());
  EXPECT_EQ(sink.loss()->text(), "output: 1234 bytes were lost: No space left on device");
}

// ---- the end of a run ----------------------------------------------------------------------------------------------

// A console that is a named pipe, whose reader takes nothing unless the test does.
class OutputsTest : public ::testing::Test {
 protected:
  OutputsTest() : path_(std::filesystem::temp_directory_path() / ("outputs-test." + std::to_string(::getpid()))) {
    std::filesystem::remove(path_);
  }
  ~OutputsTest() override { std::filesystem::remove(path_); }
  void open_pipe() {
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    reader_.reset(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    outputs_ = std::move(Outputs::create(ConsoleTarget::parse(path_))).value();
  }
  std::string path_;
  UniqueFd reader_;
  std::unique_ptr<Outputs> outputs_;
};

TEST_F(OutputsTest, APipeThatNobodyReadsIsAnErrorAndNoWait) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const auto outputs = Outputs::create(ConsoleTarget::parse(path_));
  ASSERT_FALSE(outputs.ok());
  EXPECT_THAT(outputs.error().text, HasSubstr("it is a pipe that nobody reads; start the reader first"));
}

TEST_F(OutputsTest, TheEndWaitsForASlowReaderButNotForOneThatStandsStill) {
  open_pipe();
  outputs_->console()->write(megabyte);
  const auto time = took([&] { outputs_->flush({.standstill = 300ms}); });
  EXPECT_GE(time, 300ms);
  EXPECT_LT(time, 3s);
  const auto losses = outputs_->losses();
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_EQ(losses[0].bytes + read_all(reader_.get()), kMegabyte) << "what was not lost has arrived";
  EXPECT_THAT(losses[0].text(), HasSubstr("were lost: its reader took no more of it"));
  EXPECT_LT(took([&] { outputs_->flush({}); }), 1s) << "there is nothing left to wait for";
}

TEST_F(OutputsTest, ASignalEndsTheWaitAtOnce) {
  open_pipe();
  outputs_->console()->write(megabyte);
  const UniqueFd signal(::eventfd(1, EFD_CLOEXEC));
  EXPECT_LT(took([&] { outputs_->flush({.standstill = 30s, .wake_fd = signal.get()}); }), 5s);
  EXPECT_EQ(outputs_->losses().size(), 1U);
}

TEST_F(OutputsTest, ADeadlineEndsItTooHoweverBusyTheReaderIs) {
  open_pipe();
  outputs_->console()->write(megabyte);
  EXPECT_LT(took([&] { outputs_->flush({.standstill = 30s, .deadline_ns = monotonic_ns() + 200'000'000}); }), 5s);
}

TEST_F(OutputsTest, TheConsolesFileIsKeptOverRestarts) {
  outputs_ = std::move(Outputs::create(ConsoleTarget::parse(path_))).value();
  outputs_->console()->write(std::span(megabyte).first(10));
  outputs_->mark_restart(1);
  outputs_->console()->write(std::span(megabyte).first(10));
  outputs_->flush({});
  const UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(4096, '\0');
  text.resize(static_cast<size_t>(std::max<ssize_t>(::read(file.get(), text.data(), text.size()), 0)));
  EXPECT_THAT(text, ::testing::MatchesRegex("x{10}\n---- sporehost: restart 1 of the guest, .* ----\nx{10}"));
}

TEST_F(OutputsTest, TwoWhoWriteToOneWayOutShareItsSink) {
  outputs_ = std::move(Outputs::create(ConsoleTarget::parse("stdout"))).value();
  EXPECT_EQ(outputs_->console(), &outputs_->standard_output());
  EXPECT_TRUE(outputs_->reads_input());
  outputs_ = std::move(Outputs::create(ConsoleTarget::parse("stderr"))).value();
  EXPECT_EQ(outputs_->console(), &outputs_->standard_error());
  EXPECT_FALSE(outputs_->reads_input());
}

TEST(WriteWithin, APatienceHasThreeEnds) {
  const Ends ends = make_pipe();
  const std::string text(kMegabyte, 'x');
  EXPECT_LT(took([&] { EXPECT_FALSE(write_within(ends.write.get(), text, 50ms)); }), 5s);
  EXPECT_EQ(errno, ETIMEDOUT);
  Patience patience(60s);
  patience.ends = std::chrono::steady_clock::now() + 50ms;
  EXPECT_LT(took([&] { EXPECT_FALSE(write_within(ends.write.get(), text, patience)); }), 5s);
  const UniqueFd signal(::eventfd(1, EFD_CLOEXEC));
  Patience woken(60s);
  woken.wake_fd = signal.get();
  EXPECT_LT(took([&] { EXPECT_FALSE(write_within(ends.write.get(), text, woken)); }), 5s);
  (void)read_all(ends.read.get());
  EXPECT_TRUE(write_within(ends.write.get(), "x", woken)) << "what needs no wait is written";
}

TEST(Queues, ThoseThatKeepAnOrder) {
  const Ends pipe = make_pipe();
  const UniqueFd again(::dup(pipe.write.get()));
  EXPECT_TRUE(same_queue(pipe.write.get(), again.get()));
  const Ends other = make_pipe();
  EXPECT_FALSE(same_queue(pipe.write.get(), other.write.get()));
  std::FILE* file = std::tmpfile();
  EXPECT_FALSE(same_queue(fileno(file), fileno(file))) << "a file has no queue";
  std::fclose(file);
}

} // namespace
} // namespace sporehost
