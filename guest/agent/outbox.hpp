// What waits to be written to the port: frames, in one bounded buffer.
//
// Reports go in whole. Output of the workload is read from its pipe straight into the buffer, behind the room for its
// header, and only while less than one output frame waits: a port that takes nothing thus stops the reading of the
// pipes, and reports never wait behind more than two frames of output.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "guest/protocol/messages.hpp"

namespace sporehost::agent {

class Outbox {
 public:
  // A virtio-console write carries at most 32 KiB: one output frame is one write and one buffer of the virtqueue.
  static constexpr std::size_t kOutputPayload = 32 * 1024 - guest::kHeaderSize;

  enum class Flush { kEmpty, kBlocked, kBroken };

  Outbox() : buffer_(kCapacity) {}

  // Appends a whole frame; false if it is empty or there is no room for it.
  bool push(const guest::Encoded& frame);

  // Room for the payload of the next output frame, or nothing while enough is waiting.
  [[nodiscard]] std::span<std::byte> output_room();
  // Makes a frame of the first `length` bytes (not 0) of what output_room() gave last.
  void commit_output(guest::FrameType type, std::size_t length);

  // Writes to a non-blocking descriptor until it would block.
  Flush flush(int fd);

  [[nodiscard]] std::size_t waiting() const { return end_ - begin_; }
  [[nodiscard]] std::size_t room() const { return buffer_.size() - waiting(); }

 private:
  static constexpr std::size_t kCapacity = 96 * 1024;

  void compact();

  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

} // namespace sporehost::agent
