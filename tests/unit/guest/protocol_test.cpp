#include "guest/protocol/frame.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "guest/protocol/messages.hpp"

namespace sporehost::guest {
namespace {

Encoded join(std::initializer_list<Encoded> frames) {
  Encoded all;
  for (const Encoded& frame : frames) all.insert(all.end(), frame.begin(), frame.end());
  return all;
}

// Types and payloads that a parser gives for `bytes` in pieces of the sizes that `next()` names.
template <typename Next>
std::vector<std::pair<int, std::vector<std::byte>>> parse(Bytes bytes, Next next) {
  std::vector<std::pair<int, std::vector<std::byte>>> seen;
  FrameParser parser;
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(next(), bytes.size());
    EXPECT_EQ(parser.feed(bytes.first(size),
                          [&](const Frame& frame) {
                            seen.emplace_back(frame.header.type,
                                              std::vector<std::byte>(frame.payload.begin(), frame.payload.end()));
                            return true;
                          }),
              StreamError::kNone);
    EXPECT_LE(parser.held(), kHeaderSize + kMaxPayload);
    bytes = bytes.subspan(size);
  }
  return seen;
}

TEST(Frame, HeaderIsLittleEndianAsDocumented) {
  std::byte raw[kHeaderSize];
  encode_header({1, 0x0203, 0x00000506}, raw);
  const unsigned char expected[] = {'S', 'P', 'G', 'C', 1, 1, 3, 2, 6, 5, 0, 0};
  EXPECT_EQ(0, std::memcmp(raw, expected, sizeof expected));
}

TEST(Frame, AnyCuttingGivesTheSameFrames) {
  guest::Run run;
  run.argv = {"sh", "-c", std::string(30'000, 'x')};
  const Encoded all = join({encode(Started{7}), make_frame(FrameType::kReady), encode(run), encode(Stop{250}),
                            make_frame(FrameType::kReady), make_frame(FrameType::kReady)});
  const auto whole = parse(all, [] { return SIZE_MAX; });
  ASSERT_EQ(whole.size(), 6u);
  for (std::size_t size : {1, 2, 3, 11, 12, 13, 4096, 29'999}) {
    EXPECT_EQ(parse(all, [size] { return size; }), whole) << size;
  }
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(parse(all, [&] { return 1 + random() % 700; }), whole);
  }
}

TEST(Frame, TheLargestPayloadPassesAndOneByteMoreDoesNot) {
  Encoded frame(kHeaderSize + kMaxPayload);
  encode_header({0, 4, kMaxPayload}, std::span{frame}.first<kHeaderSize>());
  EXPECT_EQ(parse(frame, [] { return 1000; }).size(), 1u);
  encode_header({0, 4, kMaxPayload + 1}, std::span{frame}.first<kHeaderSize>());
  for (std::size_t size : {std::size_t{1}, frame.size()}) {
    FrameParser parser;
    StreamError error = StreamError::kNone;
    for (Bytes left = frame; !left.empty(); left = left.subspan(std::min(size, left.size()))) {
      error = parser.feed(left.first(std::min(size, left.size())), [](const Frame&) { return true; });
    }
    EXPECT_EQ(error, StreamError::kTooLong);
    EXPECT_LE(parser.held(), kHeaderSize);
  }
}

TEST(Frame, ErrorsStay) {
  Encoded bad = make_frame(FrameType::kReady);
  bad[0] = std::byte{'X'};
  FrameParser parser;
  auto sink = [](const Frame&) { return true; };
  EXPECT_EQ(parser.feed(bad, sink), StreamError::kBadMagic);
  EXPECT_EQ(parser.feed(make_frame(FrameType::kReady), sink), StreamError::kBadMagic);
  Encoded version = make_frame(FrameType::kReady);
  version[4] = std::byte{2};
  FrameParser other;
  EXPECT_EQ(other.feed(version, sink), StreamError::kBadVersion);
}

TEST(Frame, ASinkThatSaysStopSeesNoMore) {
  const Encoded all = join({make_frame(FrameType::kReady), make_frame(FrameType::kReady)});
  int seen = 0;
  FrameParser parser;
  EXPECT_EQ(parser.feed(all, [&](const Frame&) { return ++seen < 1; }), StreamError::kNone);
  EXPECT_EQ(seen, 1);
}

template <typename Message>
Message round_trip(const Message& message) {
  const Encoded frame = encode(message);
  EXPECT_GE(frame.size(), kHeaderSize);
  const Bytes payload = Bytes{frame}.subspan(kHeaderSize);
  for (std::size_t size = 0; size < payload.size(); ++size) {
    EXPECT_FALSE(decode<Message>(payload.first(size)).has_value()) << "cut to " << size;
  }
  Encoded longer(payload.begin(), payload.end());
  longer.insert(longer.end(), 9, std::byte{0xff}); // fields of a newer side
  EXPECT_TRUE(decode<Message>(longer).has_value());
  return decode<Message>(payload).value();
}

TEST(Messages, RoundTrips) {
  const Hello hello = round_trip(Hello{1, 3, "0.1.0", "6.1.155", 4096, 500'000, 123'456'789'012, 4});
  EXPECT_EQ(hello.protocol_max, 3);
  EXPECT_EQ(hello.kernel_release, "6.1.155");
  EXPECT_EQ(hello.boot_ns, 123'456'789'012u);
  EXPECT_EQ(hello.modules_loaded, 4u);
  EXPECT_EQ(round_trip(Started{99}).pid, 99u);
  const Exit exit = round_trip(Exit{ExitKind::kSignalled, 11, "Segmentation fault"});
  EXPECT_EQ(exit.kind, ExitKind::kSignalled);
  EXPECT_EQ(exit.code, 11);
  EXPECT_EQ(exit.message, "Segmentation fault");
  EXPECT_EQ(round_trip(Memory{16'760'636, 2, 3, 4}).total_kib, 16'760'636u);
  EXPECT_EQ(round_trip(Log{LogLevel::kError, "x"}).level, LogLevel::kError);
  EXPECT_EQ(round_trip(Bye{PowerOff::kReset}).how, PowerOff::kReset);
  EXPECT_EQ(round_trip(Stop{1500}).grace_ms, 1500u);
  EXPECT_EQ(round_trip(PowerOffRequest{PowerOff::kHalt}).how, PowerOff::kHalt);
  const guest::Run run = round_trip(guest::Run{1, {"a", "", "c"}, {"X=1"}, "/tmp", {{7, 5, UINT64_MAX}}});
  EXPECT_EQ(run.argv, (std::vector<std::string>{"a", "", "c"}));
  EXPECT_EQ(run.env, std::vector<std::string>{"X=1"});
  EXPECT_EQ(run.cwd, "/tmp");
  ASSERT_EQ(run.limits.size(), 1u);
  EXPECT_EQ(run.limits[0].hard, UINT64_MAX);
}

TEST(Messages, EnumsOutOfRangeAreMalformed) {
  auto payload_with = [](std::uint8_t first) {
    Encoded raw(40);
    raw[0] = std::byte{first};
    return raw;
  };
  EXPECT_FALSE(decode<Exit>(payload_with(3)));
  EXPECT_FALSE(decode<Log>(payload_with(4)));
  EXPECT_FALSE(decode<Bye>(payload_with(0)));
  EXPECT_FALSE(decode<Bye>(payload_with(4)));
  EXPECT_FALSE(decode<PowerOffRequest>(payload_with(4)));
}

TEST(Messages, RunIsBounded) {
  EXPECT_TRUE(encode(guest::Run{}).empty()) << "no argument";
  guest::Run many;
  many.argv.assign(kMaxArguments, "x");
  EXPECT_FALSE(encode(many).empty());
  many.argv.emplace_back("x");
  EXPECT_TRUE(encode(many).empty());
  guest::Run large;
  large.argv = {std::string(40'000, 'x'), std::string(30'000, 'y')};
  EXPECT_TRUE(encode(large).empty());
  guest::Run huge;
  huge.argv = {std::string(70'000, 'x')};
  EXPECT_TRUE(encode(huge).empty());
}

} // namespace
} // namespace sporehost::guest
