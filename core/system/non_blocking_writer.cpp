#include "core/system/non_blocking_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "core/system/process.hpp"

namespace sporehost {
namespace {

constexpr size_t kPipePiece = 4096; // PIPE_BUF: a pipe that polls writable takes it whole
constexpr size_t kTerminalPiece = 64;

bool waits_for_readers(const struct stat& info) {
  return S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode) || S_ISCHR(info.st_mode);
}

} // namespace

void NonBlockingWriter::look() {
  struct stat info {};
  way_ = Way::plain;
  if (::fstat(fd_, &info) != 0 || !waits_for_readers(info)) return;
  const bool terminal = S_ISCHR(info.st_mode);
  if (terminal && ::isatty(fd_) == 0) return; // /dev/null and its like
  if (!S_ISSOCK(info.st_mode)) {
    own_ = reopen_non_blocking(fd_);
    if (own_) return;
    piece_ = terminal ? kTerminalPiece : kPipePiece;
  }
  way_ = S_ISSOCK(info.st_mode) ? Way::socket : Way::careful;
  own_.reset(::fcntl(fd_, F_DUPFD_CLOEXEC, 0)); // a number of our own, since an event loop watches each number once
}

ssize_t NonBlockingWriter::write_piece(std::span<const uint8_t> bytes) const {
  const size_t count = std::min(bytes.size(), piece_);
  if (way_ == Way::socket) return ::send(poll_fd(), bytes.data(), count, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (way_ == Way::careful) {
    pollfd ready{poll_fd(), POLLOUT, 0};
    if (::poll(&ready, 1, 0) == 0) {
      errno = EAGAIN;
      return -1;
    }
  }
  return ::write(poll_fd(), bytes.data(), count);
}

NonBlockingWriter::Written NonBlockingWriter::write(std::span<const uint8_t> bytes) {
  if (way_ == Way::unknown) look();
  Written written;
  while (written.bytes < bytes.size()) {
    const ssize_t count = write_piece(bytes.subspan(written.bytes));
    if (count > 0) written.bytes += static_cast<size_t>(count);
    if (count > 0 || (count < 0 && errno == EINTR)) continue;
    written.error = count < 0 && errno != EAGAIN ? errno : 0;
    break;
  }
  return written;
}

bool same_queue(int fd, int other) {
  struct stat one {};
  struct stat two {};
  if (::fstat(fd, &one) != 0 || ::fstat(other, &two) != 0) return false;
  return waits_for_readers(one) && one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

bool wait_for_reader(int fd, const Patience& patience) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(patience.ends - std::chrono::steady_clock::now());
  const auto wait =
      std::clamp<int64_t>(std::min(patience.standstill, left).count(), 0, std::numeric_limits<int>::max());
  std::array<pollfd, 2> ready{{{fd, POLLOUT, 0}, {patience.wake_fd, POLLIN, 0}}}; // -1 is passed over
  const int count = ::poll(ready.data(), ready.size(), static_cast<int>(wait));
  return count < 0 || ready[0].revents != 0;
}

bool write_within(int fd, std::string_view text, const Patience& patience) {
  NonBlockingWriter writer(fd);
  std::span<const uint8_t> left(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  while (true) {
    const auto written = writer.write(left);
    left = left.subspan(written.bytes);
    if (left.empty()) return true;
    if (written.error != 0) {
      errno = written.error;
      return false;
    }
    if (!wait_for_reader(writer.poll_fd(), patience)) {
      errno = ETIMEDOUT;
      return false;
    }
  }
}

} // namespace sporehost
