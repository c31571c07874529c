#include "core/system/log_output.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

namespace sporehost {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class LogOutputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    read_.reset(ends[0]);
    ::fcntl(read_.get(), F_SETFL, O_NONBLOCK);
    output_ = std::make_shared<LogOutput>(UniqueFd(ends[1]), "the log");
    log_ = std::make_unique<spdlog::logger>("test", output_);
    log_->set_pattern("%v");
  }
  std::string read() {
    std::string text;
    std::array<char, 65536> buffer;
    for (ssize_t n = 0; (n = ::read(read_.get(), buffer.data(), buffer.size())) > 0;)
      text.append(buffer.data(), static_cast<size_t>(n));
    return text;
  }
  UniqueFd read_;
  std::shared_ptr<LogOutput> output_;
  std::unique_ptr<spdlog::logger> log_;
};

TEST_F(LogOutputTest, ALineIsThereAtOnce) {
  log_->info("one");
  log_->info("two");
  EXPECT_EQ(read(), "one\ntwo\n");
  EXPECT_EQ(output_->lost_lines(), 0U);
}

// 64 KiB fit into the pipe and 256 KiB are kept: of the 2 MB that follow the oldest go, line by line.
TEST_F(LogOutputTest, AReaderThatStandsStillStopsNobodyAndIsToldWhatItMissed) {
  int waits = 0;
  output_->on_backlog([&](int) { ++waits; });
  const std::string tail(990, '.');
  constexpr int kLines = 2000;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kLines; ++i) log_->info("{:06}{}", i, tail);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_GT(waits, 0);
  const uint64_t lost = output_->lost_lines();
  EXPECT_GT(lost, 1000U);
  std::string text;
  while (!output_->drain()) text += read();
  text += read();
  EXPECT_THAT(text, StartsWith("000000..."));
  EXPECT_THAT(text, EndsWith(tail + "\n"));
  EXPECT_THAT(text, HasSubstr("001999..."));
  EXPECT_THAT(text, HasSubstr(".\n(" + std::to_string(lost) + " lines of the log were lost before this one)\n00"));
  EXPECT_EQ(static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n')), kLines - lost + 1) << "no line is torn";
  EXPECT_EQ(output_->lost_lines(), lost);
}

TEST_F(LogOutputTest, TheEndWaitsForTheReaderButNotForLong) {
  for (int i = 0; i < 200; ++i) log_->info("{}", std::string(1000, '.'));
  const auto start = std::chrono::steady_clock::now();
  output_->finish(200ms);
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_GE(took, 200ms);
  EXPECT_LT(took, 5s);
  EXPECT_GT(output_->lost_lines(), 100U);
}

TEST(LogOutput, AFullDiskIsToldOnceOnStandardErrorAndCosts) {
  const auto output = std::make_shared<LogOutput>(UniqueFd(::open("/dev/full", O_WRONLY | O_CLOEXEC)), "the log");
  spdlog::logger log("test", output);
  ::testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) log.info("line");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "sporehost: the log cannot be written: No space left on device; lines of the log are lost\n");
  EXPECT_EQ(output->lost_lines(), 3U);
  EXPECT_EQ(output->error(), ENOSPC);
}

} // namespace
} // namespace sporehost
