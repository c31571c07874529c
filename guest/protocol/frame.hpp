// Frames of the guest channel: a fixed header, then at most 64 KiB of payload. All numbers are little-endian.
//
//   offset  size  field
//        0     4  magic "SPGC"
//        4     1  version of this header, 1
//        5     1  flags: bit 0 "critical"; the others are written as 0 and ignored when read
//        6     2  type, see FrameType
//        8     4  length of the payload in bytes
//
// Rules that let an agent and a host of different age talk:
//   - An unknown type is skipped and counted, unless its frame is marked critical: then the stream ends with an error.
//   - A payload may be longer than its decoder knows: new fields are appended, and what is left over is ignored.
//   - The meaning of types is versioned apart from the header: the agent's HELLO offers a range, the host's RUN picks.
//
// Flow control is that of the transport. A full virtqueue makes the agent's write return EAGAIN; the agent then stops
// reading the workload's pipes, and the workload blocks as it would at the end of any pipe. The host takes bytes only
// as fast as it can hand them on. So no byte is lost and neither side buffers more than a frame or two. Credits (a
// WINDOW frame) would buy one thing, reports that overtake output while the host's own output is stuck, at the price of
// a round trip a window and of a second set of rules for hostile guests to break; the agent lets reports overtake
// output that it has not read from the pipes yet, which is all of it but one frame.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "guest/protocol/bytes.hpp"

namespace sporehost::guest {

inline constexpr char kPortName[] = "sporehost.agent"; // the virtio-console port's name

inline constexpr std::uint32_t kFrameMagic = 0x43475053; // "SPGC"
inline constexpr std::uint8_t kHeaderVersion = 1;
inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::size_t kMaxPayload = 64 * 1024;
inline constexpr std::uint8_t kFlagCritical = 0x01;

// Versions of the messages that this source knows.
inline constexpr std::uint16_t kProtocolMin = 1;
inline constexpr std::uint16_t kProtocolMax = 1;

enum class FrameType : std::uint16_t {
  // guest to host
  kHello = 0x01,
  kStarted = 0x02,
  kReady = 0x03,
  kStdout = 0x04,
  kStderr = 0x05,
  kExit = 0x06,
  kMemory = 0x07,
  kLog = 0x08,
  kBye = 0x09,
  // host to guest
  kRun = 0x41,
  kStop = 0x42,
  kPowerOff = 0x43,
  kQueryMemory = 0x44,
};

struct FrameHeader {
  std::uint8_t flags = 0;
  std::uint16_t type = 0; // a FrameType, or something newer
  std::uint32_t length = 0;
};

// One frame; the payload is borrowed until the sink that got it returns.
struct Frame {
  FrameHeader header;
  Bytes payload;

  [[nodiscard]] FrameType type() const { return static_cast<FrameType>(header.type); }
  [[nodiscard]] bool critical() const { return (header.flags & kFlagCritical) != 0; }
};

enum class StreamError : std::uint8_t {
  kNone,
  kBadMagic,   // the bytes are not frames, or the two sides lost step
  kBadVersion, // a header that this source does not know
  kTooLong,    // more payload than kMaxPayload
};

[[nodiscard]] inline const char* describe(StreamError error) {
  switch (error) {
    case StreamError::kNone:
      return "no error";
    case StreamError::kBadMagic:
      return "the bytes are not frames (wrong magic)";
    case StreamError::kBadVersion:
      return "unknown version of the frame header";
    case StreamError::kTooLong:
      return "a frame announces more than 64 KiB of payload";
  }
  return "unknown error";
}

inline void encode_header(const FrameHeader& header, std::span<std::byte, kHeaderSize> out) {
  auto put = [&out, at = std::size_t{0}](auto value) mutable {
    for (std::size_t i = 0; i < sizeof(value); ++i) out[at++] = static_cast<std::byte>(value >> (8 * i));
  };
  put(kFrameMagic);
  put(kHeaderVersion);
  put(header.flags);
  put(header.type);
  put(header.length);
}

[[nodiscard]] inline StreamError decode_header(std::span<const std::byte, kHeaderSize> raw, FrameHeader& out) {
  ByteReader reader{raw};
  if (reader.number<std::uint32_t>() != kFrameMagic) return StreamError::kBadMagic;
  if (reader.number<std::uint8_t>() != kHeaderVersion) return StreamError::kBadVersion;
  out.flags = reader.number<std::uint8_t>();
  out.type = reader.number<std::uint16_t>();
  out.length = reader.number<std::uint32_t>();
  return out.length > kMaxPayload ? StreamError::kTooLong : StreamError::kNone;
}

// Cuts a byte stream into frames, whatever the sizes of the pieces in which it arrives. It holds at most one frame, and
// copies only those that are split between pieces. After an error it takes nothing more. One thread at a time.
class FrameParser {
 public:
  // Calls `bool sink(const Frame&)` for each complete frame; a sink that returns false ends the call, and the rest of
  // `bytes` is dropped. The sink must not call feed().
  template <typename Sink>
  StreamError feed(Bytes bytes, Sink&& sink) {
    while (error_ == StreamError::kNone) {
      if (held_.empty() && bytes.size() >= kHeaderSize) {
        FrameHeader header;
        error_ = decode_header(bytes.first<kHeaderSize>(), header);
        if (error_ != StreamError::kNone) break;
        if (const std::size_t total = kHeaderSize + header.length; bytes.size() >= total) {
          const Frame frame{header, bytes.subspan(kHeaderSize, header.length)};
          bytes = bytes.subspan(total);
          if (!sink(frame)) break;
          continue;
        }
      }
      if (bytes.empty() || !hold(bytes)) break;
      if (held_.size() < kHeaderSize + wanted_.length) continue;
      const Frame frame{wanted_, Bytes{held_}.subspan(kHeaderSize)};
      const bool go_on = sink(frame);
      held_.clear();
      wanted_ = {};
      if (!go_on) break;
    }
    return error_;
  }

  [[nodiscard]] StreamError error() const { return error_; }
  // Bytes of an unfinished frame; at most kHeaderSize + kMaxPayload.
  [[nodiscard]] std::size_t held() const { return held_.size(); }

 private:
  // Moves bytes of one frame into held_: first up to a whole header, then up to the whole frame. Returns false when
  // there is nothing to look at yet.
  bool hold(Bytes& bytes) {
    const bool had_header = held_.size() >= kHeaderSize;
    const std::size_t goal = had_header ? kHeaderSize + wanted_.length : kHeaderSize;
    const std::size_t count = std::min(bytes.size(), goal - held_.size());
    if (had_header && held_.capacity() < goal) held_.reserve(goal);
    held_.insert(held_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (held_.size() < goal) return false;
    if (had_header) return true;
    error_ = decode_header(Bytes{held_}.first<kHeaderSize>(), wanted_);
    if (error_ != StreamError::kNone) return false;
    return wanted_.length == 0 || !bytes.empty();
  }

  std::vector<std::byte> held_;
  FrameHeader wanted_; // of the frame in held_, once its header is there
  StreamError error_ = StreamError::kNone;
};

} // namespace sporehost::guest
