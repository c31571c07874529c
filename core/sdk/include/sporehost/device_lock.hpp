// The lock of a device, for its own threads and for what may be called from any.
#pragma once

#include <sporehost/plugin.hpp>

namespace spore {

// Cheap to copy; a Lockable for std::lock_guard. [any]
class DeviceLock {
 public:
  explicit DeviceLock(const spore_device_lock* table) : table_(table) {}
  static Result<DeviceLock> of(const Host& host) {
    SPORE_TRY(const spore_device_lock* table, host.require<spore_device_lock>(SPORE_DEVICE_LOCK_1));
    return DeviceLock(table);
  }

  void lock() const { table_->lock(table_->context); }
  void unlock() const { table_->unlock(table_->context); }

 private:
  const spore_device_lock* table_;
};

} // namespace spore
