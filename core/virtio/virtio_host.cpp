#include "core/virtio/virtio_host.hpp"

#include "core/virtio/virtio_spec.hpp"

#include <algorithm>
#include <utility>

namespace sporehost {
namespace {

// Entries one `notify` may take at least, so that small queues are not rescheduled for every few chains.
constexpr uint32_t kBudgetMin = 64;

} // namespace

VirtioHost::VirtioHost(VirtioHostConfig config)
    : config_(std::move(config)),
      table_(make_table()),
      log_(config_.log),
      holder_(keep_text("the plugin of device '" + config_.name + "'")) {}

VirtioHost::~VirtioHost() = default;

spore::Result<void> VirtioHost::attach(spore_object object, const char* who) {
  auto adopted = Personality::adopt(object, who != nullptr ? who : holder_);
  if (!adopted.ok()) return adopted.error().in(config_.name);
  const std::lock_guard guard(*this);
  if (personality_) return spore::fail(SPORE_E_STATE, config_.name + ": a personality is attached already");
  personality_ = std::move(adopted).value();
  const spore_virtio_traits& traits = personality_.traits();
  queues_.reserve(traits.queue_count);
  for (uint32_t i = 0; i < traits.queue_count; ++i) {
    queues_.push_back({.queue = Virtqueue(*config_.memory, static_cast<uint16_t>(i), traits.queue_size_max[i])});
  }
  return {};
}

VirtioCounters VirtioHost::counters() {
  const std::lock_guard guard(*this);
  return counters_;
}

void VirtioHost::violation(const char* what) {
  ++counters_.violations;
  log_.write(SPORE_LOG_WARN, [&] { return config_.name + ": " + what; });
}

// ---- lock and interrupts -----------------------------------------------------------------------------------------

void VirtioHost::lock() {
  if (!mutex_.try_lock()) {
    const PluginCall waits(holder_); // for the watchdog
    mutex_.lock();
  }
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  ++depth_;
}

void VirtioHost::unlock() {
  if (!held()) {
    log_.write(SPORE_LOG_ERROR, [&] { return config_.name + ": unlock by a thread that does not hold the lock"; });
    return;
  }
  bool pulse = false;
  uint64_t again = 0;
  if (depth_ == 1) {
    pulse = collect_interrupts();
    again = collect_again();
    owner_.store({}, std::memory_order_relaxed);
  }
  --depth_;
  mutex_.unlock();
  if (pulse && config_.pulse) config_.pulse();
  for (uint32_t i = 0; again != 0; ++i, again >>= 1) {
    if ((again & 1) != 0) config_.reschedule(i);
  }
}

// Decides once for everything that happened under the lock, and says whether the line needs an edge.
//
// The line is edge-triggered, and an edge that meets one still pending in the interrupt controller is swallowed. It is
// enough to make one when a bit of InterruptStatus goes from 0 to 1:
//   - the bit was 1 already: the driver has not acknowledged yet. It acknowledges first and looks at its rings after
//     that (section 4.2.3.4), so it will see what we just published, which was before we got here.
//   - the bit was acknowledged before we set it: that is a 0 to 1, hence an edge, also when the driver's handler still
//     runs; the controller keeps it until the handler is done.
// Setting and acknowledging are both done under the lock, so there is no third case. A driver that acknowledges only
// some of the bits would never hear of the rest by an edge again: `acknowledge` asks for one more.
bool VirtioHost::collect_interrupts() {
  for (Queue& slot : queues_) {
    if (!std::exchange(slot.pushed, false)) continue;
    if (slot.queue.take_interrupt()) pending_interrupts_ |= virtio::kInterruptUsed;
    if (slot.queue.broken() != nullptr) needs_reset(slot.queue.broken());
  }
  const uint32_t fresh = std::exchange(pending_interrupts_, 0) & ~interrupt_status_;
  interrupt_status_ |= fresh;
  if ((fresh & virtio::kInterruptConfig) != 0) ++counters_.config_interrupts;
  const bool repeat = std::exchange(repeat_pulse_, false) && interrupt_status_ != 0;
  if (fresh == 0 && !repeat) return false;
  ++counters_.interrupts;
  return true;
}

uint64_t VirtioHost::collect_again() {
  static_assert(SPORE_VIRTIO_QUEUES_MAX <= 64);
  uint64_t again = 0;
  for (size_t i = 0; i < queues_.size(); ++i) {
    if (std::exchange(queues_[i].again, false)) again |= uint64_t{1} << i;
  }
  return again;
}

void VirtioHost::acknowledge(uint32_t bits) {
  interrupt_status_ &= ~bits;
  repeat_pulse_ = interrupt_status_ != 0;
}

void VirtioHost::needs_reset(const char* why) {
  if ((status_ & virtio::kStatusNeedsReset) != 0) return;
  status_ |= virtio::kStatusNeedsReset;
  ++counters_.needs_reset;
  log_.write(SPORE_LOG_ERROR, [&] { return config_.name + ": the device stops until the driver resets it: " + why; });
  if ((status_ & virtio::kStatusDriverOk) != 0) pending_interrupts_ |= virtio::kInterruptConfig; // section 2.1.2
}

// ---- queues ------------------------------------------------------------------------------------------------------

QueueSetup* VirtioHost::setup(uint32_t index) {
  const auto refuse = [&](const char* why) { return violation(why), nullptr; };
  if (index >= queues_.size()) return refuse("the driver wrote a register of a queue that does not exist");
  if ((status_ & virtio::kStatusFeaturesOk) == 0) return refuse("the driver set up a queue before FEATURES_OK");
  if ((status_ & virtio::kStatusDriverOk) != 0) return refuse("the driver wrote a queue's registers after DRIVER_OK");
  if (queues_[index].queue.ready()) return refuse("the driver wrote the registers of a queue that is ready");
  return &queues_[index].setup;
}

void VirtioHost::set_queue_ready(uint32_t index, bool ready) {
  if (index >= queues_.size()) return violation("the driver wrote QueueReady of a queue that does not exist");
  Queue& slot = queues_[index];
  if (!ready) {
    slot.queue.stop();
    slot.pushed = slot.again = false;
    return;
  }
  if (slot.queue.ready() || setup(index) == nullptr) return;
  if (const auto started = slot.queue.start(slot.setup, driver_features_); !started.ok()) {
    violation(("queue " + std::to_string(index) + " is not made ready: " + started.error().text).c_str());
  }
}

void VirtioHost::service_queue(uint32_t queue) {
  const std::lock_guard guard(*this);
  if (queue < queues_.size()) serve(queue);
}

void VirtioHost::notify(uint32_t index) {
  if (index >= queues_.size()) return violation("the driver rang the doorbell of a queue that does not exist");
  serve(index);
}

// Lets the personality work on a queue. A doorbell before DRIVER_OK or after a reset finds nothing to do.
void VirtioHost::serve(uint32_t index) {
  Queue& slot = queues_[index];
  if (!live() || !slot.queue.ready()) return;
  ++counters_.notifications;
  slot.budget = budget_of(slot);
  slot.serving = true;
  personality_.notify(index);
  slot.serving = false;
}

uint32_t VirtioHost::budget_of(const Queue& slot) {
  return std::max(slot.setup.size, kBudgetMin);
}

bool VirtioHost::live() const {
  constexpr uint32_t kStopped = virtio::kStatusNeedsReset | virtio::kStatusFailed;
  return (status_ & (virtio::kStatusDriverOk | kStopped)) == virtio::kStatusDriverOk;
}

spore_status VirtioHost::pop(uint32_t index, spore_chain& out) {
  if (index >= queues_.size() || out.size < sizeof out) return SPORE_E_INVALID;
  if (!live()) return SPORE_E_NOT_FOUND;
  Queue& slot = queues_[index];
  uint32_t own_budget = budget_of(slot); // outside `notify` it bounds the malformed entries that one call skips
  uint32_t& budget = slot.serving ? slot.budget : own_budget;
  for (;;) {
    if (budget == 0 && config_.reschedule) {
      // To the personality this looks like an empty queue. The driver stays asked not to ring: we come back ourselves.
      slot.again = true;
      return SPORE_E_NOT_FOUND;
    }
    switch (slot.queue.pop(serial_ + 1, out)) {
      case Virtqueue::Pop::kChain:
        ++serial_;
        ++counters_.chains;
        budget -= budget > 0;
        return SPORE_OK;
      case Virtqueue::Pop::kDropped:
        ++counters_.malformed;
        slot.pushed = true; // given back with length 0 where that was possible
        budget -= budget > 0;
        log_.write(SPORE_LOG_WARN, [&] {
          return config_.name + ": queue " + std::to_string(index) + ": a request is dropped: " + slot.queue.fault();
        });
        break;
      case Virtqueue::Pop::kEmpty:
        return SPORE_E_NOT_FOUND;
      case Virtqueue::Pop::kBroken:
        needs_reset(slot.queue.broken());
        return SPORE_E_NOT_FOUND;
    }
  }
}

void VirtioHost::push(const spore_chain& chain, uint32_t written) {
  if (!live() || chain.queue >= queues_.size()) return;
  Queue& slot = queues_[chain.queue];
  slot.pushed |= slot.queue.push(chain, written);
}

void VirtioHost::config_changed() {
  ++config_generation_;
  if (live()) pending_interrupts_ |= virtio::kInterruptConfig;
}

} // namespace sporehost
