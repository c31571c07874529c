// The lock behind the [device] tag: held around every call into a device, whichever thread makes it.
#pragma once

#include <mutex>
#include <string>

#include "core/base/plugin_call.hpp"

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
  explicit PlainDeviceLock(const std::string& device = "?")
      : holder_(keep_text("the plugin of device '" + device + "'")) {}
  void lock() override {
    if (mutex_.try_lock()) return;
    const PluginCall waits(holder_); // for the watchdog
    mutex_.lock();
  }
  void unlock() override { mutex_.unlock(); }

 private:
  const char* holder_;
  std::recursive_mutex mutex_;
};

} // namespace sporehost
