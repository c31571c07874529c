#include "core/system/signals.hpp"

#include <sporehost/host.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "core/system/watchdog.hpp"

namespace sporehost {

using spore::fail;
using spore::Result;

namespace {

// A handler and a pipe instead of a signalfd: the signal is seen also while the main thread is held up in a plugin, by
// the watchdog.
std::atomic<int> pipe_end{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int signal) {
  const int before = errno;
  const auto byte = static_cast<uint8_t>(signal);
  Watchdog::signalled(signal);
  (void)!::write(pipe_end.load(std::memory_order_relaxed), &byte, 1); // a full pipe has said it often enough
  errno = before;
}

} // namespace

Result<std::unique_ptr<Signals>> Signals::create() {
  auto pipe = make_pipe(PipeMode::non_blocking);
  if (!pipe) return fail(SPORE_E_IO, std::string("cannot watch signals: ") + std::strerror(errno));
  return create(std::move(*pipe));
}

std::unique_ptr<Signals> Signals::create(Pipe pipe) {
  return std::unique_ptr<Signals>(new Signals(std::move(pipe)));
}

void Signals::watch() {
  if (std::exchange(watches_, true)) return;
  ::signal(SIGPIPE, SIG_IGN); // a reader of ours that is gone is an error of write(2), not our end
  pipe_end = pipe_.write.get();
  struct sigaction wanted {};
  wanted.sa_handler = on_signal;
  wanted.sa_flags = SA_RESTART;
  sigemptyset(&wanted.sa_mask);
  for (const int signal : kWatched) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (signal == SIGHUP && before.sa_handler == SIG_IGN) continue;
    ::sigaction(signal, &wanted, nullptr);
    before_.push_back({signal, before});
  }
}

Result<void> Signals::attach(EventLoop& loop, std::function<void(int)> handler) {
  detach();
  SPORE_CHECK(loop.watch(pipe_.read.get(), SPORE_FD_READABLE, [this, handler = std::move(handler)](uint32_t) {
    if (const auto signal = take()) handler(*signal); // one at a time: the first may end the loop
  }));
  loop_ = &loop;
  return {};
}

void Signals::detach() {
  if (EventLoop* const loop = std::exchange(loop_, nullptr)) loop->unwatch(pipe_.read.get());
}

std::optional<int> Signals::take() {
  uint8_t number = 0;
  if (::read(pipe_.read.get(), &number, 1) != 1) return std::nullopt;
  return number;
}

Signals::~Signals() {
  detach();
  for (const Before& was : before_) ::sigaction(was.signal, &was.action, nullptr);
  if (watches_) pipe_end = -1;
}

} // namespace sporehost
