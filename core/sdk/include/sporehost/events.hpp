// Timers and watched descriptors as objects, for plugins in C++: whatever is pending ends with them.
//
//   class Clock : public spore::IoDevice {
//     explicit Clock(spore::Host host) : alarm_(host, [this] { ring(); }) {}
//     spore::Timer alarm_;
//   };
//   SPORE_CHECK(alarm_.start(1'000'000));
//
// Callbacks come where host.h says: for a device with its lock held, on a thread of the host's choice; for other kinds
// on the main thread. They may start, stop and change the object that calls them, but not destroy it. An exception ends
// there, with an error in the log (SDK-7).
//
// These objects are used and destroyed where callbacks exclude them (SDK-28): with the device's lock held, for other
// kinds on the main thread, or while the host calls the object's `destroy`.
#pragma once

#include <sporehost/plugin.hpp>

#include <functional>
#include <utility>

namespace spore {

namespace detail {
template <typename Call>
void call_back(const Host& host, const char* from, Call&& call) noexcept {
  ErrorText error;
  const auto run = [&]() -> Result<void> { return call(), Result<void>{}; };
  if (guarded(error.out(), run) != SPORE_OK) host.error(std::string(from) + ": " + std::string(error.text()));
}
} // namespace detail

// Calls back once, some time after `start`. [device], for other kinds [main]; stays where it is, since the host has its
// address.
class Timer {
 public:
  Timer(Host host, std::function<void()> expired) : host_(host), expired_(std::move(expired)) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Starts it, or starts it anew. Errors are the host's.
  [[nodiscard]] Result<void> start(uint64_t delay_ns) {
    cancel();
    const auto* table = host_.table();
    uint64_t number = 0;
    const spore_status status = table->start_timer(table->context, delay_ns, &Timer::fire, this, &number);
    if (status != SPORE_OK) return fail(status, "the host starts no timer for this object");
    number_ = number;
    return {};
  }

  void cancel() {
    if (!number_) return;
    host_.table()->cancel_timer(host_.table()->context, *number_);
    number_.reset();
  }

  [[nodiscard]] bool pending() const { return number_.has_value(); }

 private:
  static void fire(void* argument) {
    auto& timer = *static_cast<Timer*>(argument);
    timer.number_.reset();
    detail::call_back(timer.host_, "a timer's callback", timer.expired_);
  }

  Host host_;
  std::function<void()> expired_;
  std::optional<uint64_t> number_;
};

// Calls back while a descriptor is ready, level-triggered. [device], for other kinds [main]; stays where it is. The
// descriptor stays the caller's and is closed after the watch has ended.
class FdWatch {
 public:
  // `ready` gets SPORE_FD_* bits.
  FdWatch(Host host, std::function<void(uint32_t events)> ready) : host_(host), ready_(std::move(ready)) {}
  ~FdWatch() { stop(); }
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  // Watches `fd` for `events`, in place of what was watched before. Errors are the host's.
  [[nodiscard]] Result<void> start(int fd, uint32_t events) {
    stop();
    const auto* table = host_.table();
    const spore_status status = table->watch_fd(table->context, fd, events, &FdWatch::fire, this);
    if (status != SPORE_OK) return fail(status, "the host does not watch descriptor " + std::to_string(fd));
    fd_ = fd;
    return {};
  }

  // Watches for other events from now on; 0: for the other end's hanging up alone.
  [[nodiscard]] Result<void> change(uint32_t events) {
    const auto* table = host_.table();
    const spore_status status = table->modify_fd(table->context, fd_, events);
    if (status != SPORE_OK)
      return fail(status, "the host does not change what it watches descriptor " + std::to_string(fd_) + " for");
    return {};
  }

  void stop() {
    if (fd_ < 0) return;
    host_.table()->unwatch_fd(host_.table()->context, fd_);
    fd_ = -1;
  }

 private:
  static void fire(void* argument, uint32_t events) {
    auto& watch = *static_cast<FdWatch*>(argument);
    detail::call_back(watch.host_, "a descriptor's callback", [&] { watch.ready_(events); });
  }

  Host host_;
  std::function<void(uint32_t)> ready_;
  int fd_ = -1;
};

} // namespace spore
