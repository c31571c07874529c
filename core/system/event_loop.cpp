#include "core/system/event_loop.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sporehost/host.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>

namespace sporehost {

using spore::fail;
using spore::Result;

uint64_t monotonic_ns() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  auto waiter = make_waiter();
  auto wake = waiter != nullptr ? make_notifier() : std::nullopt;
  if (!wake) return fail(SPORE_E_IO, std::string("cannot create the event loop: ") + std::strerror(errno));
  return create(std::move(waiter), std::move(*wake));
}

Result<std::unique_ptr<EventLoop>> EventLoop::create(std::unique_ptr<Waiter> waiter, Notifier wake) {
  SPORE_CHECK(waiter->add(wake.fd(), SPORE_FD_READABLE));
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(waiter), std::move(wake)));
}

Result<void> EventLoop::watch(int fd, uint32_t events, FdHandler handler) {
  const std::lock_guard lock(mutex_);
  if (watches_.contains(fd)) return fail(SPORE_E_EXISTS, "descriptor " + std::to_string(fd) + " is already watched");
  SPORE_CHECK(waiter_->add(fd, events));
  watches_[fd] = std::make_shared<Watch>(Watch{next_timer_++, std::move(handler)});
  return {};
}

Result<void> EventLoop::modify(int fd, uint32_t events) {
  const std::lock_guard lock(mutex_);
  if (!watches_.contains(fd)) return fail(SPORE_E_NOT_FOUND, "descriptor " + std::to_string(fd) + " is not watched");
  return waiter_->modify(fd, events);
}

void EventLoop::unwatch(int fd) {
  const std::lock_guard lock(mutex_);
  if (watches_.erase(fd) != 0) waiter_->remove(fd);
}

uint64_t EventLoop::start_timer(uint64_t delay_ns, Handler handler) {
  const uint64_t now = monotonic_ns();
  const uint64_t due = now + std::min(delay_ns, std::numeric_limits<uint64_t>::max() - now); // "never" stays never
  const std::lock_guard lock(mutex_);
  const uint64_t number = next_timer_++;
  timers_.emplace(std::pair{due, number}, std::move(handler));
  timer_due_[number] = due;
  wake();
  return number;
}

void EventLoop::cancel_timer(uint64_t timer) {
  const std::lock_guard lock(mutex_);
  const auto due = timer_due_.find(timer);
  if (due == timer_due_.end()) return;
  timers_.erase({due->second, timer});
  timer_due_.erase(due);
}

void EventLoop::post(Handler handler) {
  const std::lock_guard lock(mutex_);
  posted_.push_back(std::move(handler));
  wake();
}

void EventLoop::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  wake();
}

// Whoever serves the loop looks at all of this anyway before it waits again.
void EventLoop::wake() {
  if (serving_ == std::this_thread::get_id()) return;
  wake_.notify();
}

int EventLoop::wait_ms() {
  const std::lock_guard lock(mutex_);
  looked_from_ = next_timer_;
  if (stopping_ || !posted_.empty()) return 0;
  if (timers_.empty()) return -1;
  const uint64_t due = timers_.begin()->first.first;
  const uint64_t now = monotonic_ns();
  return due <= now ? 0 : static_cast<int>(std::min<uint64_t>((due - now + 999'999) / 1'000'000, 60'000));
}

// Those that are due now, and none that their handlers start: descriptors and posted calls have their turn in between,
// however often somebody starts a timer that is due at once.
void EventLoop::serve_timers() {
  std::pair<uint64_t, uint64_t> end; // the first that is not served
  {
    const std::lock_guard lock(mutex_);
    if (timers_.empty()) return;
    end = {monotonic_ns(), next_timer_};
  }
  while (true) {
    Handler handler;
    {
      const std::lock_guard lock(mutex_);
      if (timers_.empty() || timers_.begin()->first >= end) return;
      timer_due_.erase(timers_.begin()->first.second);
      handler = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
    }
    handler();
  }
}

void EventLoop::serve_posted() {
  std::vector<Handler> posted;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
  }
  for (const Handler& handler : posted) handler();
}

void EventLoop::serve_fd(int fd, uint32_t events) {
  std::shared_ptr<Watch> watch; // kept alive while it runs: a handler may unwatch itself
  {
    const std::lock_guard lock(mutex_);
    const auto found = watches_.find(fd);
    // What was seen of a descriptor number that has been closed and is watched anew is not this watch's; what is really
    // there for it shows at the next look.
    if (found == watches_.end() || found->second->serial >= looked_from_) return;
    watch = found->second;
  }
  watch->handler(events);
}

// Without descriptors there are still timers and posted calls, and no use in asking again at once: somebody closed our
// descriptor, or the system is out of memory.
void EventLoop::without_waiter(int wait_ms) {
  if (!waiter_failed_) spdlog::critical("the event loop cannot wait for descriptors: {}", std::strerror(errno));
  waiter_failed_ = true;
  constexpr int kLook = 20;
  ::poll(nullptr, 0, wait_ms < 0 ? kLook : std::min(wait_ms, kLook));
}

void EventLoop::run() {
  std::array<Waiter::Ready, 32> ready{};
  {
    const std::lock_guard lock(mutex_);
    serving_ = std::this_thread::get_id();
  }
  while (true) {
    const int wait = wait_ms();
    const int count = waiter_->wait(ready, wait);
    if (count < 0 && errno != EINTR) without_waiter(wait);
    for (int i = 0; i < count; ++i) {
      const auto& [fd, events] = ready[static_cast<size_t>(i)];
      if (fd == wake_.fd()) {
        wake_.clear();
      } else {
        serve_fd(fd, events);
      }
    }
    serve_timers();
    serve_posted();
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      stopping_ = false;
      serving_ = {};
      return;
    }
  }
}

} // namespace sporehost
