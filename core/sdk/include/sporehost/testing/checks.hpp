// What the fakes of the SDK use to watch a plugin's manners: broken rules are collected, and the device's lock knows
// who holds it.
//
// A broken rule (a [device] function called without the lock, a chain pushed twice, ...) does not stop the test on the
// spot: it is recorded in `Checks`, with its number in docs/sdk.md. A test may look at `take()`; what nobody has taken
// when the fakes are destroyed ends the test program with the list, so a violation cannot pass unseen.
#pragma once

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace spore::testing {

// The rules that the plugin under test has broken. [any]
class Checks {
 public:
  Checks() = default;
  Checks(const Checks&) = delete;
  Checks& operator=(const Checks&) = delete;
  ~Checks() {
    if (broken_.empty()) return;
    for (const std::string& text : broken_) std::fprintf(stderr, "sporehost SDK rule broken: %s\n", text.c_str());
    std::abort();
  }

  // "SDK-11: plug is [device]: ..."
  void broken(int rule, const std::string& text) {
    const std::scoped_lock guard(mutex_);
    broken_.push_back("SDK-" + std::to_string(rule) + ": " + text);
  }
  void require(bool holds, int rule, const char* text) {
    if (!holds) broken(rule, text);
  }

  // Everything recorded since the last call; taking it makes it the test's business.
  [[nodiscard]] std::vector<std::string> take() {
    const std::scoped_lock guard(mutex_);
    return std::exchange(broken_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> broken_;
};

// The lock around every [device] call: recursive, and it can say whether the calling thread holds it. [any]
class DeviceLock {
 public:
  void lock() {
    mutex_.lock();
    owner_ = std::this_thread::get_id();
    ++depth_;
  }

  // Runs the release hooks just before the lock is let go for good, as the host does to raise interrupts.
  void unlock() {
    if (depth_ == 1) {
      for (const auto& hook : hooks_) hook();
    }
    if (--depth_ == 0) owner_ = std::thread::id();
    mutex_.unlock();
  }

  [[nodiscard]] bool held() const { return owner_.load() == std::this_thread::get_id(); }

  void on_release(std::function<void()> hook) { hooks_.push_back(std::move(hook)); }

 private:
  std::recursive_mutex mutex_;
  std::atomic<std::thread::id> owner_{};
  int depth_ = 0;
  std::vector<std::function<void()>> hooks_;
};

} // namespace spore::testing
