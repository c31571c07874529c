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
  const std::vector<uint16_t>& sizes = personality_.traits().queue_size_max;
  queues_.reserve(sizes.size());
  touched_.reserve(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i)
    queues_.push_back({.queue = Virtqueue(*config_.memory, static_cast<uint16_t>(i), sizes[i])});
  return {};
}

VirtioCounters VirtioHost::counters() {
  const std::lock_guard guard(*this);
  VirtioCounters counters = counters_;
  counters.interrupts += repeated_pulses_.load(std::memory_order_relaxed);
  return counters;
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
  std::vector<uint32_t> again;
  if (depth_ == 1) {
    pulse = collect_interrupts();
    again = collect_again();
    owner_.store({}, std::memory_order_relaxed);
  }
  --depth_;
  mutex_.unlock();
  if (pulse && config_.pulse) config_.pulse();
  for (const uint32_t queue : again) config_.reschedule(queue);
}

// Decides once for everything that happened under the lock, and says whether the line needs an edge.
//
// The line is edge-triggered, and an edge that meets one still pending in the interrupt controller is swallowed. It is
// enough to make one when a bit of InterruptStatus goes from 0 to 1:
//   - the bit was 1 already: the driver has not acknowledged yet. It acknowledges first and looks at its rings after
//     that (section 4.2.3.4), so it will see what we just published, which was before we got here.
//   - the bit was acknowledged before we set it: that is a 0 to 1, hence an edge, also when the driver's handler still
//     runs; the controller keeps it until the handler is done.
// Setting and acknowledging are atomic on one word, so each sees all of the other or nothing of it, and there is no
// third case: an acknowledgement that comes after our bit was set takes it away, and sees what we published before. A
// driver that acknowledges only some of the bits would never hear of the rest by an edge again: `acknowledge` makes one
// more.
bool VirtioHost::collect_interrupts() {
  for (const uint32_t index : touched_) {
    Queue& slot = queues_[index];
    if (!std::exchange(slot.pushed, false)) continue;
    if (slot.queue.take_interrupt()) pending_interrupts_ |= virtio::kInterruptUsed;
    if (slot.queue.broken() != nullptr) needs_reset(slot.queue.broken());
  }
  if (pending_interrupts_ == 0) return false;
  const uint32_t pending = std::exchange(pending_interrupts_, 0);
  const uint32_t fresh = pending & ~interrupt_status_.fetch_or(pending);
  if ((fresh & virtio::kInterruptConfig) != 0) ++counters_.config_interrupts;
  if (fresh == 0) return false;
  ++counters_.interrupts;
  return true;
}

std::vector<uint32_t> VirtioHost::collect_again() {
  std::vector<uint32_t> again;
  for (const uint32_t index : touched_) {
    queues_[index].touched = queues_[index].budgeted = false;
    if (std::exchange(queues_[index].again, false)) again.push_back(index);
  }
  touched_.clear();
  return again;
}

void VirtioHost::touch(uint32_t index) {
  if (!std::exchange(queues_[index].touched, true)) touched_.push_back(index);
}

void VirtioHost::acknowledge(uint32_t bits) {
  if ((interrupt_status_.fetch_and(~bits) & ~bits) == 0) return;
  repeated_pulses_.fetch_add(1, std::memory_order_relaxed);
  if (config_.pulse) config_.pulse();
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
  if (const auto started = slot.queue.start(slot.setup, driver_features_[0]); !started.ok()) {
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
  personality_.notify(index);
}

uint32_t VirtioHost::budget_of(const Queue& slot) {
  return std::max(slot.setup.size, kBudgetMin);
}

bool VirtioHost::live() const {
  constexpr uint32_t kStopped = virtio::kStatusNeedsReset | virtio::kStatusFailed;
  return (status_ & (virtio::kStatusDriverOk | kStopped)) == virtio::kStatusDriverOk;
}

spore_status VirtioHost::pop(uint32_t index, spore_chain& out) {
  if (index >= queues_.size()) return SPORE_E_INVALID;
  if (!live()) return SPORE_E_NOT_FOUND;
  Queue& slot = queues_[index];
  if (!std::exchange(slot.budgeted, true)) {
    slot.budget = budget_of(slot);
    touch(index);
  }
  for (;;) {
    if (slot.budget == 0 && config_.reschedule) {
      // To the personality this looks like an empty queue. The driver stays asked not to ring: we come back ourselves.
      slot.again = true;
      touch(index);
      return SPORE_E_NOT_FOUND;
    }
    switch (slot.queue.pop(serial_ + 1, out)) {
      case Virtqueue::Pop::kChain:
        ++serial_;
        ++counters_.chains;
        slot.budget -= slot.budget > 0;
        return SPORE_OK;
      case Virtqueue::Pop::kDropped:
        ++counters_.malformed;
        slot.pushed = true; // given back with length 0 where that was possible
        touch(index);
        slot.budget -= slot.budget > 0;
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
  if (!slot.queue.push(chain, written)) return;
  slot.pushed = true;
  touch(chain.queue);
}

void VirtioHost::config_changed() {
  ++config_generation_;
  if (live()) pending_interrupts_ |= virtio::kInterruptConfig;
}

} // namespace sporehost
