// The host's side of one virtio device, whatever the transport: lock, status machine, features, queues, interrupts, and
// the service `sporehost.virtio/1` for its personality.
//
// Order of life: construct; give `table()` to the plugin's `create`; `attach` the object it made; put a transport in
// front; run; destroy, which destroys the personality first. [main]
//
// The lock is recursive and one a device. Every [device] call of the personality is made under it. Interrupts that come
// up under it are collected and raised when the outermost holder lets go: one for a batch, and never with the lock
// held.
#pragma once

#include "core/base/rate_limited_log.hpp"
#include "core/memory/memory_access.hpp"
#include "core/virtio/personality.hpp"
#include "core/virtio/virtqueue.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sporehost {

struct VirtioHostConfig {
  std::string name;               // for messages: "virtio-mem"
  MemoryAccess* memory = nullptr; // must outlive the device
  std::function<void()> pulse;    // makes one edge on the device's interrupt line. [any], called without the lock
  // Has `service_queue` called soon on the main thread. [any] With it, a personality sees a bounded number of chains of
  // each queue, in `notify` or wherever else it takes them, before the lock is let go, so that a driver that never
  // stops adding cannot hold a thread for ever. Without it there is no bound.
  std::function<void(uint32_t queue)> reschedule;
  LogSink log;
};

// What happened so far, for the machine's report.
struct VirtioCounters {
  uint64_t notifications = 0;     // doorbells served
  uint64_t chains = 0;            // taken by the personality
  uint64_t malformed = 0;         // ring entries dropped
  uint64_t interrupts = 0;        // edges made on the interrupt line
  uint64_t config_interrupts = 0; // times the configuration bit was newly set
  uint64_t violations = 0;        // register accesses against the rules, and calls of the plugin against them
  uint64_t resets = 0;            // device resets by the driver
  uint64_t needs_reset = 0;       // times the device gave up until a reset
};

class VirtioHost {
 public:
  explicit VirtioHost(VirtioHostConfig config);
  ~VirtioHost();
  VirtioHost(const VirtioHost&) = delete;
  VirtioHost& operator=(const VirtioHost&) = delete;

  // `sporehost.virtio/1`, valid as long as this object. [any]
  [[nodiscard]] const spore_virtio* table() const { return &table_; }
  // Takes the personality over, whatever the outcome; once. [main] Errors as Personality::adopt; SPORE_E_STATE: has
  // one. `who` names the plugin where it is blamed (from keep_text); nullptr: the device's name does.
  [[nodiscard]] spore::Result<void> attach(spore_object object, const char* who = nullptr);

  [[nodiscard]] const std::string& name() const { return config_.name; }
  [[nodiscard]] const Personality& personality() const { return personality_; } // constant once attached. [any]
  [[nodiscard]] VirtioCounters counters();                                      // [any]

  // The device's lock; this class is a Lockable for std::lock_guard. [any]
  void lock();
  void unlock();

  // The doorbell of a queue rang outside the transport (an eventfd). [any] Stale or wrong indices are harmless.
  void service_queue(uint32_t queue);

  // ---- for the transport, with the lock held ----------------------------------------------------------------------
  [[nodiscard]] uint32_t device_id() const { return personality_.traits().device_id; }
  [[nodiscard]] virtio::Features offered_features() const;
  void set_driver_features(uint32_t part, uint32_t value); // `part`: which 32 bits
  [[nodiscard]] uint32_t status() const { return status_; }
  void write_status(uint32_t value);

  [[nodiscard]] Virtqueue* queue(uint32_t index) { return index < queues_.size() ? &queues_[index].queue : nullptr; }
  // The registers of a queue where the driver may write them now, else nullptr and a violation is counted.
  [[nodiscard]] QueueSetup* setup(uint32_t index);
  void set_queue_ready(uint32_t index, bool ready);
  void notify(uint32_t index); // a doorbell; a wrong index is a violation

  [[nodiscard]] uint32_t config_generation() const { return config_generation_; }
  void violation(const char* what);

  // ---- for the transport, without the lock ------------------------------------------------------------------------
  [[nodiscard]] uint32_t interrupt_status() const { return interrupt_status_.load(); }
  void acknowledge(uint32_t bits);

 private:
  class Call; // virtio_table.cpp

  struct Queue {
    Virtqueue queue;
    QueueSetup setup{};
    uint32_t budget = 0;   // entries that may still be taken before the lock is let go
    bool budgeted = false; // the budget is that of this hold of the lock
    bool again = false;    // ask for `service_queue` when the lock is let go
    bool pushed = false;   // something was given back since interrupts were last decided on
    bool touched = false;  // is in touched_
  };

  [[nodiscard]] spore_virtio make_table();
  // Whether the calling thread holds the lock. [any]
  [[nodiscard]] bool held() const { return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

  // virtio_host.cpp
  [[nodiscard]] spore_status pop(uint32_t index, spore_chain& out);
  void push(const spore_chain& chain, uint32_t written);
  void config_changed();
  void serve(uint32_t index);
  [[nodiscard]] static uint32_t budget_of(const Queue& slot);
  [[nodiscard]] bool live() const;
  void needs_reset(const char* why);
  void touch(uint32_t index);
  [[nodiscard]] bool collect_interrupts();
  [[nodiscard]] std::vector<uint32_t> collect_again();

  // device_status.cpp
  [[nodiscard]] bool features_acceptable();
  void go_live();
  void reset_device();

  const VirtioHostConfig config_;
  const spore_virtio table_;
  RateLimitedLog log_;
  const char* holder_; // whose lock it is, for the watchdog

  std::recursive_mutex mutex_;
  std::atomic<std::thread::id> owner_{}; // who holds the mutex
  uint32_t depth_ = 0;                   // how often; everything below is guarded by the mutex

  uint32_t status_ = 0;
  virtio::Features driver_features_{};
  bool driver_features_beyond_ = false; // the driver wrote bits from 128 up
  std::vector<Queue> queues_;
  std::vector<uint32_t> touched_;   // queues that were pushed to, or have to be served again
  uint64_t serial_ = 0;             // never goes back, so a chain from before a reset stays void
  uint32_t pending_interrupts_ = 0; // to be set when the lock is let go
  uint32_t config_generation_ = 0;
  VirtioCounters counters_;
  std::atomic<uint32_t> interrupt_status_{0}; // changed without the lock, by atomic operations alone
  std::atomic<uint64_t> repeated_pulses_{0};
  Personality personality_; // last: destroyed first, while the rest still serves it
};

} // namespace sporehost
