#include "guest/agent/outbox.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sporehost::agent {

void Outbox::compact() {
  if (begin_ == 0) return;
  std::memmove(buffer_.data(), buffer_.data() + begin_, waiting());
  end_ -= begin_;
  begin_ = 0;
}

bool Outbox::push(const guest::Encoded& frame) {
  if (frame.empty() || frame.size() > room()) return false;
  if (frame.size() > buffer_.size() - end_) compact();
  std::memcpy(buffer_.data() + end_, frame.data(), frame.size());
  end_ += frame.size();
  return true;
}

std::span<std::byte> Outbox::output_room() {
  constexpr std::size_t kFrame = guest::kHeaderSize + kOutputPayload;
  if (waiting() >= kFrame || room() < kFrame) return {};
  if (buffer_.size() - end_ < kFrame) compact();
  return std::span{buffer_}.subspan(end_ + guest::kHeaderSize, kOutputPayload);
}

void Outbox::commit_output(guest::FrameType type, std::size_t length) {
  guest::encode_header({0, static_cast<std::uint16_t>(type), static_cast<std::uint32_t>(length)},
                       std::span{buffer_}.subspan(end_).first<guest::kHeaderSize>());
  end_ += guest::kHeaderSize + length;
}

Outbox::Flush Outbox::flush(int fd) {
  while (waiting() > 0) {
    const ssize_t count = write(fd, buffer_.data() + begin_, waiting());
    if (count > 0) {
      begin_ += static_cast<std::size_t>(count);
    } else if (count == 0 || errno == EAGAIN) {
      return Flush::kBlocked;
    } else if (errno != EINTR) {
      return Flush::kBroken;
    }
  }
  begin_ = end_ = 0;
  return Flush::kEmpty;
}

} // namespace sporehost::agent
