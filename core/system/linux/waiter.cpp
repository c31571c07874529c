#include "core/system/waiter.hpp"

#include <sporehost/host.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>

#include "core/base/unique_fd.hpp"

namespace sporehost {
namespace {

using spore::Result;

class EpollWaiter final : public Waiter {
 public:
  explicit EpollWaiter(UniqueFd epoll) : epoll_(std::move(epoll)) {}

  Result<void> add(int fd, uint32_t events) override { return control(EPOLL_CTL_ADD, fd, events); }
  Result<void> modify(int fd, uint32_t events) override { return control(EPOLL_CTL_MOD, fd, events); }
  void remove(int fd) override { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

  int wait(std::span<Ready> ready, int timeout_ms) override {
    std::array<epoll_event, 32> events{};
    const auto most = static_cast<int>(std::min(events.size(), ready.size()));
    const int count = ::epoll_wait(epoll_.get(), events.data(), most, timeout_ms);
    for (size_t i = 0; i < static_cast<size_t>(std::max(count, 0)); ++i)
      ready[i] = {events[i].data.fd, told(events[i].events)};
    return count;
  }

 private:
  Result<void> control(int operation, int fd, uint32_t events) {
    epoll_event event{};
    event.events = ((events & SPORE_FD_READABLE) ? static_cast<uint32_t>(EPOLLIN) : 0u) |
                   ((events & SPORE_FD_WRITABLE) ? static_cast<uint32_t>(EPOLLOUT) : 0u);
    event.data.fd = fd;
    if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) return cannot_watch(fd);
    return {};
  }

  static uint32_t told(uint32_t events) {
    uint32_t all = 0;
    if (events & EPOLLIN) all |= SPORE_FD_READABLE;
    if (events & EPOLLOUT) all |= SPORE_FD_WRITABLE;
    if (events & (EPOLLHUP | EPOLLERR)) all |= SPORE_FD_HANGUP;
    return all;
  }

  UniqueFd epoll_;
};

} // namespace

std::unique_ptr<Waiter> make_waiter() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return nullptr;
  return std::make_unique<EpollWaiter>(std::move(epoll));
}

} // namespace sporehost
