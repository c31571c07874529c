// The `spore_host` table of one plugin object: its log lines, counters, timers and watched descriptors, all booked
// under its name and all taken back when the object is gone. Its log lines are limited, since a guest may be what makes
// it speak.
//
// A callback runs under the object's lock, and finds there whether it has been cancelled meanwhile: so whoever cancels
// with the lock held knows that it is over (SDK-28). For objects without a lock the main thread takes its place.
#pragma once

#include <sporehost/host.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>

#include "core/base/device_lock.hpp"
#include "core/base/source_log.hpp"
#include "core/memory/memory_access.hpp"
#include "core/system/event_loop.hpp"

namespace sporehost {

// What an object may do with the machine it belongs to. Outlives the object.
struct MachineSide {
  EventLoop* loop = nullptr;
  MemoryAccess* memory = nullptr;
  std::function<void(uint32_t how, uint32_t status, std::string reason)> stop; // SPORE_STOP_*. [any]
};

class ObjectHost {
 public:
  using Interfaces = std::function<const void*(std::string_view name)>;

  // `name` marks log lines; `options` is the canonical JSON of the object's options. `lock` is held around callbacks
  // and outlives this; nullptr: callbacks are [main]. `interfaces` gives the services of the object's kind. [main]
  ObjectHost(std::string name, std::string options, DeviceLock* lock = nullptr, Interfaces interfaces = {});
  ~ObjectHost();
  ObjectHost(const ObjectHost&) = delete;
  ObjectHost& operator=(const ObjectHost&) = delete;

  // The machine is there: until then the object has been asked only. [main], before a guest runs
  void connect(const MachineSide& machine) { machine_.store(&machine, std::memory_order_release); }
  // Guest memory is there, or goes: nullptr. [main] When it returns nobody is inside the old one any more.
  void set_memory(MemoryAccess* memory);

  [[nodiscard]] const spore_host* table() const { return &table_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& options() const { return options_; }

  // Counters by name, as they stand. [any]
  [[nodiscard]] std::map<std::string, uint64_t> counters() const;

  // Cancels timers and watches. The destructor does it too; earlier is needed when the object goes first. [main]
  void release();

 private:
  spore_status watch(int fd, uint32_t events, spore_fd_callback callback, void* argument);
  spore_status modify(int fd, uint32_t events);
  void unwatch(int fd);
  spore_status start_timer(uint64_t delay_ns, spore_timer_callback callback, void* argument, uint64_t* timer);
  void cancel_timer(uint64_t timer);
  spore_status stop(uint32_t how, uint32_t status, spore_string reason);
  const void* interface(std::string_view name);
  template <typename Access>
  spore_status access_memory(Access&& access);
  // Calls the plugin under the object's lock, unless `cancelled` says there that nobody wants to be called any more.
  template <typename Cancelled, typename Call>
  void call_back(Cancelled&& cancelled, Call&& call);
  [[nodiscard]] const MachineSide* machine() const { return machine_.load(std::memory_order_acquire); }
  static spore_host make_table(ObjectHost* self);

  std::string name_;
  const char* who_; // for notes of calls
  std::string options_;
  DeviceLock* lock_;
  Interfaces interfaces_;
  std::atomic<const MachineSide*> machine_{nullptr};
  std::shared_mutex memory_gate_; // held shared for as long as somebody copies
  MemoryAccess* memory_ = nullptr;
  spore_host table_;
  spore_machine machine_table_;
  spore_device_lock lock_table_;
  mutable std::mutex mutex_; // of what follows; taken after the object's lock, never around a call of the plugin
  std::map<std::string, std::unique_ptr<uint64_t>> counters_;
  SourceLog log_;
  uint64_t watches_ = 0;            // how many there ever were
  std::map<int, uint64_t> watched_; // by descriptor: which of them
  std::set<uint64_t> timers_;       // the loop's numbers of those that have not been cancelled and have not fired
};

} // namespace sporehost
