#include "core/session/output_sink.hpp"

#include <spdlog/spdlog.h>
#include <sporehost/host.h>

#include <cerrno>
#include <cstring>

namespace sporehost {
namespace {

constexpr uint64_t kStalledNs = 10'000'000'000; // a reader that takes nothing for so long is worth a word
constexpr uint64_t kRetryNs = 100'000'000;      // for what can neither be written to nor watched

} // namespace

bool Loss::reader_gone() const {
  return error == EPIPE || error == ECONNRESET;
}

std::string Loss::text() const {
  return fmt::format("{}: {} bytes were lost: {}", stream, bytes,
                     error == 0 ? std::string("its reader took no more of it") : std::string(std::strerror(error)));
}

void OutputSink::attach(EventLoop& loop) {
  loop_ = &loop;
  if (!backlog_.empty()) watch(true);
}

void OutputSink::detach() {
  if (loop_ == nullptr) return;
  watch(false);
  loop_ = nullptr;
  drained_.clear();
}

void OutputSink::write(std::span<const uint8_t> bytes) {
  if (broken_) {
    lost_ += bytes.size();
    return;
  }
  const size_t before = backlog_.size();
  backlog_.push(bytes);
  if (before == 0) write_some();
  if (!backlog_.empty()) watch(true);
}

void OutputSink::write_some() {
  const auto written = writer_.write(backlog_.view());
  if (written.bytes != 0) open_line_ = backlog_.view()[written.bytes - 1] != '\n';
  backlog_.pop(written.bytes);
  taken_ += written.bytes;
  if (written.error != 0) lose(written.error);
}

void OutputSink::lose(int error) {
  broken_ = error;
  lost_ += backlog_.size();
  backlog_.pop(backlog_.size());
  if (error == EPIPE || error == ECONNRESET)
    spdlog::info("{}: its reader is gone; what follows is dropped", name_);
  else if (error != 0)
    spdlog::error("{}: cannot be written: {}; what follows is lost, and the guest goes on", name_,
                  std::strerror(error));
}

void OutputSink::watch(bool wanted) {
  if (loop_ == nullptr || wanted == (watched_ || timer_)) return;
  if (!wanted) {
    if (watched_) loop_->unwatch(*watched_);
    if (timer_) loop_->cancel_timer(*timer_);
    watched_.reset();
    timer_.reset();
    return;
  }
  const int fd = writer_.poll_fd();
  if (loop_->watch(fd, SPORE_FD_WRITABLE, [this](uint32_t) { on_writable(); })) watched_ = fd;
  look_for_a_reader();
}

void OutputSink::on_writable() {
  const bool was_full = full();
  write_some();
  if (backlog_.empty()) watch(false);
  if (!was_full || full()) return;
  stalled_told_ = false;
  for (const auto& call : drained_) call();
}

// A guest that waits for its reader looks like one that hangs, so it is said. What cannot be watched is tried again
// instead (nothing that is known to wait is like that).
void OutputSink::look_for_a_reader() {
  if (timer_) return;
  timer_ = loop_->start_timer(watched_ ? kStalledNs : kRetryNs, [this, taken = taken_] {
    timer_.reset();
    if (!watched_) on_writable();
    if (backlog_.empty()) return;
    if (full() && taken == taken_ && watched_ && !stalled_told_) {
      stalled_told_ = true;
      spdlog::warn("{}: nobody has read any of it for {} s; what writes to it in the guest waits", name_,
                   kStalledNs / 1'000'000'000);
    }
    look_for_a_reader();
  });
}

bool OutputSink::drain() {
  if (!backlog_.empty()) write_some();
  return backlog_.empty();
}

void OutputSink::give_up() {
  if (!backlog_.empty()) lose(0);
}

std::optional<Loss> OutputSink::loss() const {
  if (!broken_) return std::nullopt;
  return Loss{name_, lost_, *broken_};
}

} // namespace sporehost
