#include "core/session/outputs.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/fmt/chrono.h>
#include <sporehost/host.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace sporehost {

using spore::fail;
using spore::Result;

namespace {

// Not O_TRUNC alone: with O_APPEND a file that is cut or moved aside while the guest runs has no hole. O_NONBLOCK: a
// named pipe that nobody reads is an error and not a wait.
Result<UniqueFd> open_console(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644));
  if (fd) return fd;
  const std::string why =
      errno == ENXIO ? "it is a pipe that nobody reads; start the reader first" : std::string(std::strerror(errno));
  return fail(SPORE_E_IO, "console file '" + path + "' cannot be written: " + why);
}

} // namespace

ConsoleTarget ConsoleTarget::parse(const std::string& text) {
  if (text == "auto") return {Kind::automatic, {}};
  if (text == "none") return {Kind::none, {}};
  if (text == "stdout") return {Kind::standard_output, {}};
  if (text == "stderr") return {Kind::standard_error, {}};
  return {Kind::file, text};
}

ConsoleTarget ConsoleTarget::resolved(bool own_initrd) const {
  if (kind != Kind::automatic) return *this;
  return {own_initrd ? Kind::standard_output : Kind::none, {}};
}

Result<std::unique_ptr<Outputs>> Outputs::create(const ConsoleTarget& console) {
  std::unique_ptr<Outputs> outputs(new Outputs);
  outputs->stdout_ = outputs->sink("standard output", STDOUT_FILENO);
  outputs->stderr_ = outputs->sink("standard error", STDERR_FILENO);
  switch (console.kind) {
    case ConsoleTarget::Kind::automatic:
    case ConsoleTarget::Kind::none:
      break;
    case ConsoleTarget::Kind::standard_output:
      outputs->console_ = outputs->stdout_;
      outputs->reads_input_ = true;
      break;
    case ConsoleTarget::Kind::standard_error:
      outputs->console_ = outputs->stderr_;
      break;
    case ConsoleTarget::Kind::file:
      SPORE_TRY(outputs->file_, open_console(console.path));
      outputs->console_ = outputs->sink("the console's file '" + console.path + "'", outputs->file_.get());
      break;
  }
  return outputs;
}

// One sink for each way out: two that wait for the same reader would overtake each other.
std::shared_ptr<OutputSink> Outputs::sink(const std::string& name, int fd) {
  for (const auto& known : sinks_)
    if (same_queue(known->fd(), fd)) {
      known->also(name);
      return known;
    }
  return sinks_.emplace_back(std::make_shared<OutputSink>(name, fd));
}

void Outputs::attach(EventLoop& loop) {
  for (const auto& sink : sinks_) sink->attach(loop);
  log_ = log_output();
  if (!log_) return;
  log_->on_backlog([this, &loop](int fd) { watch_log(loop, fd); });
}

// From any thread. A line that is kept while this drains asks for a watch of its own: so first the old one goes.
void Outputs::watch_log(EventLoop& loop, int fd) {
  const auto drain = [this, &loop, fd](uint32_t) {
    loop.unwatch(fd);
    if (!log_->drain()) watch_log(loop, fd);
  };
  (void)loop.watch(fd, SPORE_FD_WRITABLE, drain); // it may be watched already
}

void Outputs::detach() {
  for (const auto& sink : sinks_) sink->detach();
  if (log_) log_->on_backlog(nullptr);
}

void Outputs::mark_restart(unsigned restarts) {
  if (!file_) return;
  const std::string line = fmt::format("\n---- sporehost: restart {} of the guest, {:%Y-%m-%d %H:%M:%S} ----\n",
                                       restarts, fmt::localtime(std::time(nullptr)));
  console_->write({reinterpret_cast<const uint8_t*>(line.data()), line.size()});
}

bool Outputs::flush(const FlushLimit& limit) {
  uint64_t patience_ends = monotonic_ns() + static_cast<uint64_t>(limit.standstill.count()) * 1'000'000;
  size_t left_before = SIZE_MAX;
  bool woken = false;
  while (!woken) {
    std::vector<pollfd> waiting = {{limit.wake_fd, POLLIN, 0}}; // -1 is passed over
    size_t left = 0;
    for (const auto& sink : sinks_)
      if (!sink->drain()) {
        waiting.push_back({sink->poll_fd(), POLLOUT, 0});
        left += sink->backlog();
      }
    if (left == 0) return true;
    const uint64_t now = monotonic_ns();
    if (left < left_before) patience_ends = now + static_cast<uint64_t>(limit.standstill.count()) * 1'000'000;
    left_before = left;
    const uint64_t until = std::min(patience_ends, limit.deadline_ns.value_or(UINT64_MAX));
    if (now >= until) break;
    const int wait_ms = static_cast<int>(std::min<uint64_t>((until - now) / 1'000'000 + 1, 60'000));
    const int ready = ::poll(waiting.data(), waiting.size(), wait_ms);
    if (ready < 0 && errno != EINTR) break;
    woken = ready > 0 && waiting.front().revents != 0;
  }
  for (const auto& sink : sinks_) sink->give_up();
  return !woken;
}

std::vector<Loss> Outputs::losses() const {
  std::vector<Loss> losses;
  for (const auto& sink : sinks_)
    if (auto loss = sink->loss()) losses.push_back(std::move(*loss));
  return losses;
}

} // namespace sporehost
