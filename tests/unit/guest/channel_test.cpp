// The host's side against guests that keep the protocol, and against those that do not.
#include "core/session/guest_channel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/guest/talk.hpp"

namespace sporehost::test {
namespace {

using guest::Encoded;
using guest::FrameType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using State = GuestChannel::State;

Encoded good_hello() {
  return guest::encode(guest::Hello{1, 1, "0.1.0", "6.1.155", 4096, 500'000, 1, 2});
}

Encoded text_frame(FrameType type, std::string_view text, std::uint8_t flags = 0) {
  Encoded frame(guest::kHeaderSize);
  const auto* raw = reinterpret_cast<const std::byte*>(text.data());
  frame.insert(frame.end(), raw, raw + text.size());
  guest::encode_header({flags, static_cast<std::uint16_t>(type), static_cast<std::uint32_t>(text.size())},
                       std::span{frame}.first<guest::kHeaderSize>());
  return frame;
}

class ChannelTest : public ::testing::Test {
 protected:
  void feed(const Encoded& bytes) { channel.on_bytes(bytes); }
  void answer() { feed(good_hello()); }
  void run() {
    answer();
    ASSERT_TRUE(channel.run(command({"true"})).ok());
    feed(guest::encode(guest::Started{2}));
  }
  // The frame types that the channel has sent.
  std::vector<int> sent_types() const {
    std::vector<int> types;
    guest::FrameParser parser;
    EXPECT_EQ(parser.feed(sent,
                          [&](const guest::Frame& frame) {
                            types.push_back(frame.header.type);
                            return true;
                          }),
              guest::StreamError::kNone);
    return types;
  }
  void expect_failure(std::string_view text) {
    EXPECT_EQ(channel.state(), State::kFailed);
    EXPECT_THAT(seen.error, HasSubstr(text));
    EXPECT_EQ(channel.failure(), seen.error);
    const auto events = seen.events.size();
    answer();
    EXPECT_EQ(seen.events.size(), events) << "a failed channel looks at nothing";
    EXPECT_GT(channel.counters().late_bytes, 0u);
    const auto result = channel.query_memory();
    ASSERT_FALSE(result.ok());
    EXPECT_THAT(result.error().text, HasSubstr(text));
  }

  Recorder seen;
  Encoded sent;
  bool has_room = true;
  std::chrono::nanoseconds now{0};
  GuestChannel channel{seen,
                       [this](guest::Bytes bytes) {
                         if (has_room) sent.insert(sent.end(), bytes.begin(), bytes.end());
                         return has_room;
                       },
                       ChannelLimits{3, 3}, [this] { return now; }};
};

TEST_F(ChannelTest, AGoodRun) {
  run();
  feed(guest::make_frame(FrameType::kReady));
  EXPECT_TRUE(channel.ready());
  feed(text_frame(FrameType::kStdout, "out"));
  feed(text_frame(FrameType::kStderr, "err"));
  feed(guest::encode(guest::Exit{guest::ExitKind::kExited, 7, ""}));
  EXPECT_EQ(channel.state(), State::kEnded);
  ASSERT_TRUE(channel.power_off().ok());
  feed(guest::encode(guest::Bye{guest::PowerOff::kOff}));
  EXPECT_EQ(channel.state(), State::kClosed);
  EXPECT_THAT(seen.events, ElementsAre("hello", "started", "ready", "stdout", "stderr", "exit", "bye"));
  EXPECT_EQ(seen.out, "out");
  EXPECT_EQ(seen.exit->code, 7);
  EXPECT_EQ(channel.protocol(), 1);
  EXPECT_THAT(sent_types(), ElementsAre(0x41, 0x43));
  EXPECT_EQ(channel.counters().output_bytes, 6u);
}

TEST_F(ChannelTest, ByteByByteIsTheSame) {
  for (const std::byte byte : good_hello()) channel.on_bytes({&byte, 1});
  EXPECT_EQ(channel.state(), State::kAnswered);
}

TEST_F(ChannelTest, AnObserverMayStartTheWorkload) {
  seen.hello_hook = [this] { EXPECT_TRUE(channel.run(command({"true"})).ok()); };
  answer();
  EXPECT_EQ(channel.state(), State::kStarting);
}

TEST_F(ChannelTest, CommandsAreRefusedOutOfTurn) {
  EXPECT_EQ(channel.run(command({"true"})).error().status, SPORE_E_STATE);
  EXPECT_EQ(channel.stop(std::chrono::milliseconds(1)).error().status, SPORE_E_STATE);
  EXPECT_EQ(channel.query_memory().error().status, SPORE_E_STATE);
  answer();
  EXPECT_EQ(channel.stop(std::chrono::milliseconds(1)).error().status, SPORE_E_STATE);
  ASSERT_TRUE(channel.run(command({"true"})).ok());
  EXPECT_EQ(channel.run(command({"true"})).error().status, SPORE_E_STATE);
  EXPECT_TRUE(channel.stop(std::chrono::milliseconds(1)).ok());
}

TEST_F(ChannelTest, BadCommandsAreRefusedWithAReason) {
  answer();
  auto refused = [this](guest::Run run) {
    const auto result = channel.run(std::move(run));
    return result.ok() ? std::string("accepted") : result.error().text;
  };
  EXPECT_THAT(refused(command({})), HasSubstr("no program"));
  EXPECT_THAT(refused(command({std::string("a\0b", 3)})), HasSubstr("NUL"));
  EXPECT_THAT(refused(command(std::vector<std::string>(10'001, "x"))), HasSubstr("10001 arguments"));
  EXPECT_THAT(refused(command({std::string(70'000, 'x')})),
              HasSubstr("the guest's agent takes 65536; put the data into a file"));
  guest::Run run = command({"true"});
  run.env = {"NOVALUE"};
  EXPECT_THAT(refused(run), HasSubstr("NAME=value"));
  EXPECT_EQ(channel.state(), State::kAnswered);
  EXPECT_TRUE(sent.empty());
}

TEST_F(ChannelTest, TheFirstFrameIsHello) {
  feed(guest::make_frame(FrameType::kReady));
  expect_failure("not HELLO");
}

TEST_F(ChannelTest, JunkCloses) {
  feed(Encoded(100, std::byte{'x'}));
  expect_failure("wrong magic");
}

TEST_F(ChannelTest, OneHelloOnly) {
  answer();
  answer();
  expect_failure("second HELLO");
}

TEST_F(ChannelTest, AnOldAgentIsNamed) {
  feed(guest::encode(guest::Hello{7, 9, "9", "6", 4096, 1, 1, 0}));
  expect_failure("speaks protocol 7 to 9, this host 1 to 1");
}

TEST_F(ChannelTest, ANewerAgentThatStillSpeaksOurs) {
  feed(guest::encode(guest::Hello{1, 9, "9", "6", 4096, 1, 1, 0}));
  EXPECT_EQ(channel.protocol(), 1);
}

TEST_F(ChannelTest, ImpossiblePageSize) {
  feed(guest::encode(guest::Hello{1, 1, "9", "6", 5000, 1, 1, 0}));
  expect_failure("page size of 5000");
}

TEST_F(ChannelTest, OrderIsChecked) {
  answer();
  feed(guest::encode(guest::Started{1}));
  expect_failure("STARTED while answered");
}

TEST_F(ChannelTest, OutputWithoutAWorkload) {
  answer();
  feed(text_frame(FrameType::kStdout, "x"));
  expect_failure("output of a workload while answered");
}

TEST_F(ChannelTest, ExitNeedsReady) {
  run();
  feed(guest::encode(guest::Exit{guest::ExitKind::kExited, 0, ""}));
  expect_failure("EXIT before READY");
}

TEST_F(ChannelTest, ExitCodesAreChecked) {
  run();
  feed(guest::make_frame(FrameType::kReady));
  feed(guest::encode(guest::Exit{guest::ExitKind::kExited, 256, ""}));
  expect_failure("impossible code 256");
}

TEST_F(ChannelTest, CouldNotStart) {
  answer();
  ASSERT_TRUE(channel.run(command({"true"})).ok());
  feed(guest::encode(guest::Exit{guest::ExitKind::kCouldNotStart, 2, "cannot run\x1b[2J"}));
  EXPECT_EQ(channel.state(), State::kEnded);
  EXPECT_EQ(seen.exit->message, "cannot run?[2J");
}

TEST_F(ChannelTest, ACommandFromTheGuest) {
  answer();
  feed(guest::encode(guest::Stop{1}));
  expect_failure("command of the host");
}

TEST_F(ChannelTest, UnknownFramesAreSkippedUnlessCritical) {
  answer();
  feed(text_frame(static_cast<FrameType>(0x1234), "new"));
  EXPECT_EQ(channel.counters().unknown_frames, 1u);
  EXPECT_EQ(channel.state(), State::kAnswered);
  feed(text_frame(static_cast<FrameType>(0x1234), "new", guest::kFlagCritical));
  expect_failure("type 4660");
}

TEST_F(ChannelTest, NothingAfterAnErrorInTheSamePiece) {
  Encoded all = guest::make_frame(FrameType::kReady);
  const Encoded hello = good_hello();
  all.insert(all.end(), hello.begin(), hello.end());
  feed(all);
  EXPECT_TRUE(seen.events.empty());
}

TEST_F(ChannelTest, LogsAreLimitedAndPrintable) {
  answer();
  for (int i = 0; i < 10; ++i) feed(guest::encode(guest::Log{guest::LogLevel::kInfo, "a\x1b[31mb\nc"}));
  EXPECT_EQ(seen.logs.size(), 3u);
  EXPECT_EQ(seen.logs[0], "a?[31mb c");
  EXPECT_EQ(channel.counters().dropped_logs, 7u);
  now += std::chrono::seconds(10);
  feed(guest::encode(guest::Log{guest::LogLevel::kInfo, "again"}));
  EXPECT_EQ(seen.logs.back(), "again (7 lines were left out before)");
}

TEST_F(ChannelTest, ACommandIsSentWholeOrNotAtAll) {
  answer();
  guest::Run request;
  request.argv = {"/bin/true"};
  has_room = false;
  const auto refused = channel.run(request);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, SPORE_E_BUSY);
  EXPECT_THAT(refused.error().text, HasSubstr("does not read what it is sent"));
  EXPECT_TRUE(sent.empty());
  EXPECT_EQ(channel.counters().refused_commands, 1u);
  has_room = true;
  EXPECT_TRUE(channel.run(request).ok()) << "nothing has happened";
}

TEST_F(ChannelTest, ABurstOfMemoryReportsKeepsTheNewest) {
  answer();
  for (std::uint64_t i = 1; i <= 10; ++i) feed(guest::encode(guest::Memory{i, 0, 0, i}));
  EXPECT_EQ(seen.memory.size(), 3u);
  now += std::chrono::seconds(1);
  channel.on_bytes({});
  ASSERT_EQ(seen.memory.size(), 4u);
  EXPECT_EQ(seen.memory.back().total_kib, 10u);
  EXPECT_EQ(channel.counters().dropped_memory, 6u);
}

TEST_F(ChannelTest, AfterByeBytesAreOnlyCounted) {
  answer();
  feed(guest::encode(guest::Bye{guest::PowerOff::kReset}));
  feed(good_hello());
  EXPECT_EQ(channel.state(), State::kClosed);
  EXPECT_EQ(channel.counters().late_bytes, good_hello().size());
  EXPECT_TRUE(seen.error.empty());
}

} // namespace
} // namespace sporehost::test
