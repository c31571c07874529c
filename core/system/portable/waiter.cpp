#include "core/system/waiter.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sporehost/host.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/system/notifier.hpp"

namespace sporehost {

using spore::Result;

spore::Error cannot_watch(int fd) {
  const spore_status status = errno == EBADF ? SPORE_E_INVALID : errno == EPERM ? SPORE_E_UNSUPPORTED : SPORE_E_IO;
  return spore::fail(status, "cannot watch descriptor " + std::to_string(fd) + ": " + std::strerror(errno));
}

namespace portable {
namespace {

// poll(2) looks at a list that it was given: whoever changes the list wakes it up to take the new one.
class PollWaiter final : public Waiter {
 public:
  explicit PollWaiter(Notifier changed) : changed_(std::move(changed)) {}

  Result<void> add(int fd, uint32_t events) override {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return cannot_watch(fd);
    if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) return errno = EPERM, cannot_watch(fd);
    const std::lock_guard lock(mutex_);
    if (watched_.contains(fd)) return errno = EEXIST, cannot_watch(fd);
    return change(fd, events);
  }

  Result<void> modify(int fd, uint32_t events) override {
    const std::lock_guard lock(mutex_);
    if (!watched_.contains(fd)) return errno = ENOENT, cannot_watch(fd);
    return change(fd, events);
  }

  void remove(int fd) override {
    const std::lock_guard lock(mutex_);
    if (watched_.erase(fd) != 0) changed_.notify();
  }

  int wait(std::span<Ready> ready, int timeout_ms) override {
    take_list();
    const int count = ::poll(fds_.data(), static_cast<nfds_t>(fds_.size()), timeout_ms);
    if (count <= 0) return count;
    if (fds_[0].revents != 0) changed_.clear();
    return static_cast<int>(collect(ready));
  }

 private:
  struct Watch {
    uint32_t events;
    uint64_t serial; // a number may be watched anew while poll looks at the descriptor that had it before
  };

  Result<void> change(int fd, uint32_t events) {
    watched_[fd] = {events, ++serial_};
    changed_.notify();
    return {};
  }

  void take_list() {
    const std::lock_guard lock(mutex_);
    fds_ = {{changed_.fd(), POLLIN, 0}};
    serials_ = {0};
    for (const auto& [fd, watch] : watched_) {
      const int events =
          ((watch.events & SPORE_FD_READABLE) ? POLLIN : 0) | ((watch.events & SPORE_FD_WRITABLE) ? POLLOUT : 0);
      fds_.push_back({fd, static_cast<short>(events), 0});
      serials_.push_back(watch.serial);
    }
  }

  // Starts behind the last one that was told, so that each has its turn where `ready` is short.
  size_t collect(std::span<Ready> ready) {
    const std::lock_guard lock(mutex_);
    size_t count = 0;
    const size_t others = fds_.size() - 1;
    const size_t begin = others == 0 ? 0 : turn_ % others;
    for (size_t i = 0; i < others && count < ready.size(); ++i) {
      const size_t at = 1 + (begin + i) % others;
      const auto watch = watched_.find(fds_[at].fd);
      if (fds_[at].revents == 0 || watch == watched_.end() || watch->second.serial != serials_[at]) continue;
      if (fds_[at].revents & POLLNVAL) { // closed
        watched_.erase(watch);
        continue;
      }
      ready[count++] = {fds_[at].fd, told(fds_[at].revents)};
      turn_ = at;
    }
    return count;
  }

  static uint32_t told(short events) {
    uint32_t all = 0;
    if (events & POLLIN) all |= SPORE_FD_READABLE;
    if (events & POLLOUT) all |= SPORE_FD_WRITABLE;
    if (events & (POLLHUP | POLLERR)) all |= SPORE_FD_HANGUP;
    return all;
  }

  Notifier changed_;
  std::mutex mutex_;
  std::map<int, Watch> watched_;
  uint64_t serial_ = 0;
  // of the thread that waits
  std::vector<pollfd> fds_;
  std::vector<uint64_t> serials_;
  size_t turn_ = 0;
};

} // namespace

std::unique_ptr<Waiter> make_waiter() {
  auto changed = portable::make_notifier();
  if (!changed) return nullptr;
  return std::make_unique<PollWaiter>(std::move(*changed));
}

} // namespace portable
} // namespace sporehost
