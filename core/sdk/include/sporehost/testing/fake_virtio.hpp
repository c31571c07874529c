// The service sporehost.virtio/1 for tests: queues of descriptor chains that the test makes, and everything that the
// device gave back. There is no ring and no guest memory below it: a chain's segments are the test's own buffers, none
// is malformed, and a queue takes more of them than it has entries.
//
//   FakeVirtio virtio(host);
//   virtio.offer(0, {request}, {10});        // one readable segment, 10 writable bytes
//   device.notify(0);                        // see plugin_loader.hpp
//   virtio.completions(0).back().data;       // what the device wrote
#pragma once

#include <sporehost/device.h>
#include <sporehost/testing/fake_host.hpp>

#include <numeric>
#include <set>

namespace spore::testing {

using Bytes = std::vector<uint8_t>;

// A chain that the device has given back.
struct Completion {
  uint64_t serial = 0;
  uint32_t written = 0;        // as the device stated it
  Bytes data;                  // the writable part, all segments together, zero where nothing was written
  std::vector<Bytes> segments; // the same as the driver laid it out
};

class FakeVirtio {
 public:
  explicit FakeVirtio(FakeHost& host) : host_(host) {
    host_.provide(SPORE_VIRTIO_1, &table_);
    host_.device_lock().on_release([this] { settle(); });
  }
  FakeVirtio(const FakeVirtio&) = delete;
  FakeVirtio& operator=(const FakeVirtio&) = delete;

  // ---- the driver's side ----
  // Makes a chain available: device-readable segments, then device-writable ones by capacity. Gives its serial.
  uint64_t offer(uint32_t queue, std::vector<Bytes> readable, std::vector<size_t> writable) {
    Chain chain;
    for (const Bytes& segment : readable) chain.readable.insert(chain.readable.end(), segment.begin(), segment.end());
    chain.writable.resize(std::accumulate(writable.begin(), writable.end(), size_t{0}));
    chain.layout = std::move(writable);
    chain.queue = queue;
    const uint64_t serial = ++last_serial_;
    chains_.emplace(serial, std::move(chain));
    available_[queue].push_back(serial);
    return serial;
  }
  [[nodiscard]] size_t available(uint32_t queue) const {
    const auto found = available_.find(queue);
    return found == available_.end() ? 0 : found->second.size();
  }
  [[nodiscard]] const std::vector<Completion>& completions(uint32_t queue) { return completions_[queue]; }
  // Chains that the device has taken and not given back.
  [[nodiscard]] size_t held() const {
    return static_cast<size_t>(
        std::count_if(chains_.begin(), chains_.end(), [](const auto& entry) { return entry.second.taken; }));
  }

  // The next `count` reads (writes) of chain memory fail, as when the memory below a chain has been unplugged.
  void fail_reads(unsigned count, spore_status status = SPORE_E_RANGE) { read_failure_ = {count, status}; }
  void fail_writes(unsigned count, spore_status status = SPORE_E_RANGE) { write_failure_ = {count, status}; }

  // ---- what the driver would have noticed ----
  [[nodiscard]] unsigned interrupts(uint32_t queue) { return interrupts_[queue]; }
  [[nodiscard]] unsigned config_interrupts() const { return config_interrupts_; }
  [[nodiscard]] unsigned config_changes() const { return config_changes_; } // calls, also before DRIVER_OK
  [[nodiscard]] unsigned config_touches() const { return config_touches_; }
  [[nodiscard]] uint32_t generation() const { return generation_; }   // never goes back, resets included
  [[nodiscard]] unsigned void_pushes() const { return void_pushes_; } // of chains from before a reset

  // ---- for the device's handle ----
  // The device's queues by the size the driver gives them, 0 where it does not use one, and how to have one served.
  void set_queues(std::vector<uint16_t> sizes, std::function<void(uint32_t queue)> notify) {
    queue_sizes_ = std::move(sizes);
    notify_ = std::move(notify);
  }
  void set_queue_size(uint32_t queue, uint16_t size) { queue_sizes_.at(queue) = size; }
  [[nodiscard]] const std::vector<uint16_t>& queue_sizes() const { return queue_sizes_; }
  // The doorbell of a queue rang, or there is more to do on it. As on the host a device sees no more chains of a queue
  // than that has entries, and at least 64, before the lock is let go; where there are more, the host comes back of
  // itself: with the next turn of its event loop, FakeHost::advance or poll_once. With the device's lock held.
  void serve(uint32_t queue) {
    if (!live_ || queue >= queue_sizes_.size() || queue_sizes_[queue] == 0) return;
    notify_(queue);
  }
  void set_live(bool live) { live_ = live; }
  [[nodiscard]] bool live() const { return live_; }
  // Device reset: all chains are void.
  void drop_all() {
    chains_.clear();
    available_.clear();
    live_ = false;
  }

 private:
  struct Chain {
    uint32_t queue = 0;
    Bytes readable;
    Bytes writable;
    std::vector<size_t> layout;
    bool taken = false;
  };
  struct Failure {
    unsigned count = 0;
    spore_status status = SPORE_OK;

    [[nodiscard]] bool strikes() { return count > 0 && count-- > 0; }
  };

  static FakeVirtio& of(void* context) { return *static_cast<FakeVirtio*>(context); }

  Chain* taken(const spore_chain* chain) {
    const auto found = chains_.find(chain->serial);
    const bool right = found != chains_.end() && found->second.taken && found->second.queue == chain->queue;
    return right ? &found->second : nullptr;
  }

  // Whether one more chain of the queue may be taken before the lock is let go.
  bool afford(uint32_t queue) {
    uint32_t& left = budgets_.try_emplace(queue, std::max<uint32_t>(queue_sizes_[queue], 64)).first->second;
    if (left == 0) again_.insert(queue);
    return left > 0 && left-- > 0;
  }

  static spore_status pop_thunk(void* context, uint32_t queue, spore_chain* out) {
    FakeVirtio& v = of(context);
    const auto lock = v.host_.on_device("pop");
    if (out->size < SPORE_10_BYTES(spore_chain)) {
      v.host_.checks().broken(15, "pop: out->size is not set");
      return SPORE_E_INVALID;
    }
    if (queue >= v.queue_sizes_.size()) return SPORE_E_INVALID;
    v.host_.checks().require(v.live_, 22, "pop was called although the device is not active");
    auto& waiting = v.available_[queue];
    if (waiting.empty() || !v.afford(queue)) return SPORE_E_NOT_FOUND;
    const uint64_t serial = waiting.front();
    waiting.pop_front();
    Chain& chain = v.chains_.at(serial);
    chain.taken = true;
    spore_chain own{};
    own.size = sizeof own;
    own.queue = static_cast<uint16_t>(queue);
    own.head = static_cast<uint16_t>(serial);
    own.serial = serial;
    own.readable_bytes = chain.readable.size();
    own.writable_bytes = chain.writable.size();
    SPORE_FILL(spore_chain, out, &own);
    return SPORE_OK;
  }

  static spore_status read_thunk(void* context, const spore_chain* handle, uint64_t offset, void* to, uint64_t bytes) {
    FakeVirtio& v = of(context);
    const auto lock = v.host_.on_device("read");
    const Chain* chain = v.taken(handle);
    if (chain == nullptr) return SPORE_E_STATE;
    if (v.read_failure_.strikes()) return v.read_failure_.status;
    if (!fits(offset, bytes, chain->readable.size())) return SPORE_E_RANGE;
    std::copy_n(chain->readable.begin() + static_cast<ptrdiff_t>(offset), bytes, static_cast<uint8_t*>(to));
    return SPORE_OK;
  }

  static spore_status write_thunk(void* context, const spore_chain* handle, uint64_t offset, const void* from,
                                  uint64_t bytes) {
    FakeVirtio& v = of(context);
    const auto lock = v.host_.on_device("write");
    Chain* chain = v.taken(handle);
    if (chain == nullptr) return SPORE_E_STATE;
    if (v.write_failure_.strikes()) return v.write_failure_.status;
    if (!fits(offset, bytes, chain->writable.size())) return SPORE_E_RANGE;
    std::copy_n(static_cast<const uint8_t*>(from), bytes, chain->writable.begin() + static_cast<ptrdiff_t>(offset));
    return SPORE_OK;
  }

  static void push_thunk(void* context, const spore_chain* handle, uint32_t written) {
    FakeVirtio& v = of(context);
    const auto lock = v.host_.on_device("push");
    Chain* chain = v.taken(handle);
    if (chain == nullptr) {
      const bool twice = v.ever_given_back_.count(handle->serial) != 0;
      if (twice) v.host_.checks().broken(29, "a chain was pushed twice");
      if (!twice) v.host_.checks().broken(22, "a chain from before the reset was pushed");
      ++v.void_pushes_;
      return;
    }
    v.host_.checks().require(written <= chain->writable.size(), 29, "push states more bytes than the chain can hold");
    v.ever_given_back_.insert(handle->serial);
    v.completions_[chain->queue].push_back(complete(handle->serial, written, *chain));
    v.pending_.insert(chain->queue);
    v.chains_.erase(handle->serial);
  }

  static Completion complete(uint64_t serial, uint32_t written, const Chain& chain) {
    Completion done{serial, written, chain.writable, {}};
    auto at = chain.writable.begin();
    for (const size_t bytes : chain.layout) {
      done.segments.emplace_back(at, at + static_cast<ptrdiff_t>(bytes));
      at += static_cast<ptrdiff_t>(bytes);
    }
    return done;
  }

  static void changed_thunk(void* context) {
    FakeVirtio& v = of(context);
    const auto lock = v.host_.on_device("config_changed");
    ++v.generation_;
    ++v.config_changes_;
    if (v.live_) ++v.config_interrupts_;
  }
  static void touched_thunk(void* context) {
    FakeVirtio& v = of(context);
    const auto lock = v.host_.on_device("config_touched");
    ++v.generation_;
    ++v.config_touches_;
  }

  static bool fits(uint64_t offset, size_t bytes, size_t length) {
    return offset <= length && bytes <= length - offset;
  }

  // The device's lock is let go.
  void settle() {
    budgets_.clear();
    for (const uint32_t queue : std::exchange(pending_, {})) ++interrupts_[queue];
    for (const uint32_t queue : std::exchange(again_, {})) {
      host_.post([this, queue] {
        const std::scoped_lock guard(host_.device_lock());
        serve(queue);
      });
    }
  }

  spore_virtio make_table() {
    spore_virtio t{};
    t.size = sizeof t;
    t.context = this;
    t.pop = &pop_thunk;
    t.read = &read_thunk;
    t.write = &write_thunk;
    t.push = &push_thunk;
    t.config_changed = &changed_thunk;
    t.config_touched = &touched_thunk;
    return t;
  }

  FakeHost& host_;
  std::vector<uint16_t> queue_sizes_; // none before the device has described itself
  std::function<void(uint32_t)> notify_;
  std::map<uint32_t, uint32_t> budgets_; // of the queues from which chains were taken in this hold of the lock
  std::set<uint32_t> again_;             // queues to be served once more
  bool live_ = false;
  uint64_t last_serial_ = 0;
  std::map<uint64_t, Chain> chains_; // by serial
  std::map<uint32_t, std::deque<uint64_t>> available_;
  std::map<uint32_t, std::vector<Completion>> completions_;
  std::set<uint64_t> ever_given_back_;
  std::set<uint32_t> pending_; // queues whose interrupt is due
  std::map<uint32_t, unsigned> interrupts_;
  unsigned config_interrupts_ = 0;
  unsigned config_changes_ = 0;
  unsigned config_touches_ = 0;
  unsigned void_pushes_ = 0;
  uint32_t generation_ = 0;
  Failure read_failure_;
  Failure write_failure_;

  const spore_virtio table_ = make_table();
};

} // namespace spore::testing
