// Carries facts and events to the memory policy and its actions to the virtio-mem device, and logs every reason.
#pragma once

#include <sporehost/device.h>
#include <sporehost/memory_policy.h>
#include <sporehost/result.hpp>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include "core/base/source_log.hpp"
#include "core/host/backend.hpp"
#include "core/host/memory_plan.hpp"
#include "core/host/requested_size.hpp"
#include "core/plugin/object.hpp"
#include "core/system/event_loop.hpp"
#include "core/system/host_facts.hpp"

namespace sporehost {

// What the backend's probe adds to the facts; a probe that was not made adds nothing.
[[nodiscard]] spore_memory_facts with_probe(spore_memory_facts facts, const Probe& probe);

// The device that the policy resizes: the interface and the object it belongs to.
struct ResizableMemory {
  const spore_resizable_memory* table = nullptr;
  void* self = nullptr;
  const char* who = "a device's plugin"; // for notes of calls
};

// How often the requested size may change: a handful of times at once, then once in kEachNs. Each change is an
// interrupt in the guest and a line in the log, and a policy that goes to and fro must not drown its machine in them.
class RequestPace {
 public:
  static constexpr uint64_t kEachNs = 200'000'000;
  static constexpr uint64_t kAtOnce = 20;

  // 0: the change may be made now, and counts; else how long to wait. [main]
  uint64_t wait_ns(uint64_t now_ns) {
    paid_until_ns_ = std::max(paid_until_ns_, now_ns);
    const uint64_t ahead = paid_until_ns_ - now_ns;
    constexpr uint64_t kCredit = (kAtOnce - 1) * kEachNs;
    if (ahead > kCredit) return ahead - kCredit;
    paid_until_ns_ += kEachNs;
    return 0;
  }

 private:
  uint64_t paid_until_ns_ = 0;
};

class PolicyRunner {
 public:
  explicit PolicyRunner(plugin::PluginObject policy) : policy_(std::move(policy)) {}

  // Who decides: path and id of the plugin, for messages. [main]
  [[nodiscard]] const std::string& origin() const { return policy_.origin(); }

  // Asks for the plan, checks it, and rounds the region down to what Linux can use. [main] Errors name the policy's
  // plugin.
  spore::Result<MemoryPlan> plan(const spore_memory_request& request, const spore_memory_facts& facts);

  // From here on events lead to actions. [main] `device.table` NULL: the machine has nothing to resize.
  // `requested` is this runner's to change until `detach`; `requested_changed` is called after each size that the
  // policy asked for.
  void attach(EventLoop& loop, const MemoryPlan& plan, ResizableMemory device, RequestedSize& requested,
              std::function<void()> requested_changed);
  void detach();

  // What the guest last said of its memory, in bytes. [main]
  void guest_memory(uint64_t total, uint64_t available);

  // Hands one event to the policy and does what it asks for. [main]
  void event(uint32_t type);
  void operator_request(uint64_t bytes);

  // The host or the backend had no room for a plug. [main] Lowers the requested size to what is plugged, so that the
  // driver does not try for ever, and holds the policy to it until something is given back. The caller tells the policy
  // by the next event, whose state has the lowered size.
  void cannot_grow(const std::string& why);

  // The size that is requested now, in bytes. [main]
  [[nodiscard]] uint64_t requested() const { return requested_ != nullptr ? requested_->get() : 0; }

 private:
  void deliver(const spore_memory_event& event);
  void carry_out(const MemoryAction& action);
  void hold(const MemoryAction& action, uint64_t wait_ns);
  void request(const MemoryAction& action);
  void set_requested(uint64_t bytes);
  void arm_tick(uint64_t tick_ms);
  [[nodiscard]] spore_memory_state memory_state(uint32_t event);
  [[nodiscard]] uint64_t plugged() const;
  [[nodiscard]] uint64_t cut_to_what_there_is(uint64_t bytes);
  [[nodiscard]] uint64_t host_available(uint32_t event);

  plugin::PluginObject policy_;
  EventLoop* loop_ = nullptr;
  ResizableMemory device_;
  std::function<void()> requested_changed_;
  MemoryPlan plan_;
  uint64_t planned_region_ = 0; // as the policy wanted it
  RequestedSize* requested_ = nullptr;
  std::optional<uint64_t> ceiling_; // what could be plugged at most when it was last tried
  uint64_t guest_total_ = 0;
  uint64_t guest_available_ = 0;
  uint64_t tick_timer_ = 0;
  uint64_t host_available_ = 0; // as of host_read_ns_
  uint64_t host_read_ns_ = 0;   // monotonic; 0: never
  RequestPace pace_;
  std::optional<MemoryAction> held_; // waits for its turn
  uint64_t held_timer_ = 0;
  bool ready_ = false;
  SourceLog log_{"memory policy"}; // a guest decides how often there is something to decide
};

} // namespace sporehost
