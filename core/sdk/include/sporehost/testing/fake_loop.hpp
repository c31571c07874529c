// The event loop of a FakeHost: timers in virtual time and watched descriptors, served when the test says so. Whatever
// starts or ends one may come from any thread; serving is the test's.
//
// As on the host, a callback and what ends it exclude each other under the lock that the callback is called with
// (SDK-28): whoever holds it and cancels is not called back any more.
#pragma once

#include <sporehost/host.h>
#include <sporehost/testing/checks.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>

namespace spore::testing {

class FakeLoop {
 private:
  template <typename Look>
  auto with(Look&& look) const {
    const std::scoped_lock guard(mutex_);
    return look();
  }

 public:
  // Calls a callback the way the object's kind wants it: with the device's lock, or without.
  using Around = std::function<void(const std::function<void()>& call)>;

  explicit FakeLoop(Checks& checks) : checks_(checks) {}
  FakeLoop(const FakeLoop&) = delete;
  FakeLoop& operator=(const FakeLoop&) = delete;

  [[nodiscard]] uint64_t now_ns() const { return now_ns_.load(); }
  [[nodiscard]] size_t timers() const {
    return with([&] { return timers_.size(); });
  }
  [[nodiscard]] size_t watches() const {
    return with([&] { return watches_.size(); });
  }

  // ---- for the plugin. [any] `served`: whether there is a machine whose loop serves it ----
  spore_status start_timer(uint64_t delay_ns, spore_timer_callback callback, void* argument, uint64_t* number,
                           bool served) {
    if (callback == nullptr) return SPORE_E_INVALID;
    if (!served) return SPORE_E_STATE;
    const std::scoped_lock guard(mutex_);
    const uint64_t now = now_ns_;
    const uint64_t due = now + std::min(delay_ns, UINT64_MAX - now); // "never" stays never
    timers_[++last_timer_] = {due, now, callback, argument};
    if (number != nullptr) *number = last_timer_;
    return SPORE_OK;
  }
  void cancel_timer(uint64_t number) {
    const std::scoped_lock guard(mutex_);
    timers_.erase(number);
  }

  spore_status watch(int fd, uint32_t events, spore_fd_callback callback, void* argument, bool served) {
    if (fd < 0 || callback == nullptr || !known(events) || events == 0) return SPORE_E_INVALID;
    if (!served) return SPORE_E_STATE;
    struct stat file {};
    if (::fstat(fd, &file) != 0) return SPORE_E_INVALID;
    if (S_ISREG(file.st_mode) || S_ISDIR(file.st_mode)) return SPORE_E_UNSUPPORTED;
    const std::scoped_lock guard(mutex_);
    const bool fresh = watches_.try_emplace(fd, Watch{events, ++last_watch_, callback, argument}).second;
    return fresh ? SPORE_OK : SPORE_E_EXISTS;
  }
  spore_status modify(int fd, uint32_t events) {
    if (!known(events)) return SPORE_E_INVALID;
    const std::scoped_lock guard(mutex_);
    const auto found = watches_.find(fd);
    if (found == watches_.end()) return SPORE_E_NOT_FOUND;
    found->second.events = events;
    return SPORE_OK;
  }
  void unwatch(int fd) {
    const std::scoped_lock guard(mutex_);
    watches_.erase(fd);
  }

  // ---- for the test's thread ----
  // Lets `ns` pass: fires the timers that fall due, in order, each at its own time. One that a callback starts to be
  // due at once waits for the next call, as it waits for the loop's next turn on the host.
  void advance(uint64_t ns, const Around& around) {
    const uint64_t until = now_ns_ + ns;
    const uint64_t last = with([&] { return last_timer_; });
    for (bool fired = true; fired;) {
      around([&] {
        const auto timer = take_due(until, last);
        fired = timer.has_value();
        if (fired) timer->callback(timer->argument);
      });
    }
    now_ns_ = until;
  }

  // One turn: waits at most `timeout_ms` and serves what is ready; gives how many were.
  size_t poll_once(int timeout_ms, const Around& around) {
    std::vector<pollfd> ready;
    std::vector<uint64_t> serials;
    with([&] {
      for (const auto& [fd, watch] : watches_) {
        ready.push_back({fd, watch.poll_events(), 0});
        serials.push_back(watch.serial);
      }
      return 0;
    });
    if (::poll(ready.data(), ready.size(), timeout_ms) <= 0) return 0;
    size_t served = 0;
    for (size_t i = 0; i < ready.size(); ++i) {
      if (ready[i].revents == 0) continue;
      if ((ready[i].revents & POLLNVAL) != 0) {
        checks_.broken(28, "descriptor " + std::to_string(ready[i].fd) + " was closed before it was unwatched");
        unwatch(ready[i].fd);
        continue;
      }
      around([&] { served += serve(ready[i], serials[i]) ? 1 : 0; });
    }
    return served;
  }

  // The object is gone: what it left is taken back, and descriptors that it still had watched are told.
  std::vector<int> clear() {
    const std::scoped_lock guard(mutex_);
    std::vector<int> left;
    for (const auto& [fd, watch] : watches_) left.push_back(fd);
    watches_.clear();
    timers_.clear();
    return left;
  }

 private:
  struct Timer {
    uint64_t at_ns;
    uint64_t started_ns;
    spore_timer_callback callback;
    void* argument;
  };
  struct Watch {
    uint32_t events;
    uint64_t serial; // a number may be watched anew while an old event is on its way
    spore_fd_callback callback;
    void* argument;

    [[nodiscard]] short poll_events() const {
      return static_cast<short>(((events & SPORE_FD_READABLE) != 0 ? POLLIN : 0) |
                                ((events & SPORE_FD_WRITABLE) != 0 ? POLLOUT : 0));
    }
  };

  static bool known(uint32_t events) { return (events & ~uint32_t{SPORE_FD_READABLE | SPORE_FD_WRITABLE}) == 0; }

  static uint32_t to_spore(short revents) {
    uint32_t events = 0;
    if ((revents & POLLIN) != 0) events |= SPORE_FD_READABLE;
    if ((revents & POLLOUT) != 0) events |= SPORE_FD_WRITABLE;
    if ((revents & (POLLHUP | POLLERR)) != 0) events |= SPORE_FD_HANGUP;
    return events;
  }

  // The next timer that is due, taken out, and the time set to it.
  std::optional<Timer> take_due(uint64_t until_ns, uint64_t last) {
    const std::scoped_lock guard(mutex_);
    auto next = timers_.end();
    for (auto it = timers_.begin(); it != timers_.end(); ++it) {
      const Timer& timer = it->second;
      const bool waits = it->first > last && timer.at_ns <= timer.started_ns;
      if (timer.at_ns == UINT64_MAX || timer.at_ns > until_ns || waits) continue;
      if (next == timers_.end() || timer.at_ns < next->second.at_ns) next = it;
    }
    if (next == timers_.end()) return std::nullopt;
    now_ns_ = std::max(now_ns_.load(), next->second.at_ns);
    const Timer taken = next->second;
    timers_.erase(next);
    return taken;
  }

  bool serve(const pollfd& entry, uint64_t serial) {
    const auto watch = with([&]() -> std::optional<Watch> {
      const auto found = watches_.find(entry.fd);
      if (found == watches_.end() || found->second.serial != serial) return std::nullopt;
      return found->second;
    });
    if (!watch) return false;
    watch->callback(watch->argument, to_spore(entry.revents));
    return true;
  }

  Checks& checks_;
  mutable std::mutex mutex_; // of what follows
  std::atomic<uint64_t> now_ns_{1'000'000'000};
  uint64_t last_timer_ = 0;
  uint64_t last_watch_ = 0;
  std::map<uint64_t, Timer> timers_;
  std::map<int, Watch> watches_;
};

} // namespace spore::testing
