#include "core/machine/output_sink.hpp"

#include <poll.h>
#include <sporehost/host.h>
#include <unistd.h>

#include <cerrno>

namespace sporehost {
namespace {
constexpr size_t kPipeBuf = 4096;
} // namespace

OutputSink::OutputSink(EventLoop& loop, int fd, std::function<void()> drained)
    : loop_(loop), fd_(fd), drained_(std::move(drained)) {}

OutputSink::~OutputSink() {
  watch(false);
}

size_t OutputSink::write_some(std::span<const uint8_t> bytes) {
  size_t done = 0;
  while (done < bytes.size() && !broken_) {
    pollfd ready{fd_, POLLOUT, 0};
    if (::poll(&ready, 1, 0) <= 0 || (ready.revents & POLLOUT) == 0) {
      broken_ = (ready.revents & (POLLERR | POLLNVAL)) != 0;
      break;
    }
    const ssize_t n = ::write(fd_, bytes.data() + done, std::min(bytes.size() - done, kPipeBuf));
    if (n > 0) done += static_cast<size_t>(n);
    if (n < 0 && errno != EINTR && errno != EAGAIN) broken_ = true;
    if (n < 0 && errno == EAGAIN) break;
  }
  return broken_ ? bytes.size() : done;
}

void OutputSink::watch(bool wanted) {
  if (wanted == watched_) return;
  watched_ = wanted;
  if (!wanted) return loop_.unwatch(fd_);
  const auto on_writable = [this](uint32_t) {
    const bool was_full = full();
    backlog_.pop(write_some(backlog_.view()));
    if (backlog_.empty()) watch(false);
    if (was_full && !full() && drained_) drained_();
  };
  // A regular file cannot be watched, and never needs to be: it always polls writable.
  if (!loop_.watch(fd_, SPORE_FD_WRITABLE, on_writable)) watched_ = false;
}

void OutputSink::write(std::span<const uint8_t> bytes) {
  size_t done = 0;
  if (backlog_.empty()) done = write_some(bytes);
  if (done == bytes.size()) return;
  backlog_.push(bytes.subspan(done));
  watch(true);
}

void OutputSink::flush() {
  while (!backlog_.empty() && !broken_) {
    const ssize_t n = ::write(fd_, backlog_.view().data(), backlog_.size());
    if (n > 0) backlog_.pop(static_cast<size_t>(n));
    if (n < 0 && errno != EINTR && errno != EAGAIN) broken_ = true;
  }
}

} // namespace sporehost
