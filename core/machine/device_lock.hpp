// The lock behind the [device] tag: held around every call into a device, whichever thread makes it.
#pragma once

#include <mutex>

namespace sporehost {

// A BasicLockable, so that std::lock_guard takes it. Recursive. [any]
class DeviceLock {
 public:
  virtual ~DeviceLock() = default;
  virtual void lock() = 0;
  virtual void unlock() = 0;
};

// For devices without a transport of their own, and for backends and policies.
class PlainDeviceLock final : public DeviceLock {
 public:
  void lock() override { mutex_.lock(); }
  void unlock() override { mutex_.unlock(); }

 private:
  std::recursive_mutex mutex_;
};

} // namespace sporehost
