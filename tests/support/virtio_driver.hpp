// The driver's side of virtio for tests: split queues in a MemoryAccess, and bring-up through virtio-mmio registers.
// It does what a driver should; tests that want a bad driver write descriptors and rings themselves.
#pragma once

#include "core/memory/memory_access.hpp"
#include "core/virtio/virtio_spec.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace sporehost::testing {

inline uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

// One queue. Rings are laid out from `base` (aligned to 16); the memory there must be zero. One thread.
class DriverQueue {
 public:
  struct Buffer {
    uint64_t gpa;
    uint32_t bytes;
    bool writable;
  };

  DriverQueue(MemoryAccess& memory, uint64_t base, uint16_t size, bool event_idx = false)
      : memory_(memory), size_(size), event_idx_(event_idx), descriptors_(base) {
    available_ = base + 16ull * size;
    used_ = align_up(available_ + 6 + 2ull * size, 4);
    free_.resize(size);
    std::iota(free_.rbegin(), free_.rend(), uint16_t{0}); // taken from the back: 0 first
    lengths_.resize(size);
  }
  [[nodiscard]] static uint64_t bytes_needed(uint16_t size) { return align_up(26ull * size + 20, 16); }

  [[nodiscard]] uint16_t size() const { return size_; }
  [[nodiscard]] uint64_t descriptors() const { return descriptors_; }
  [[nodiscard]] uint64_t available() const { return available_; }
  [[nodiscard]] uint64_t used() const { return used_; }
  [[nodiscard]] size_t free_descriptors() const { return free_.size(); }

  // Adds a chain and makes it available; gives its head. There must be room.
  uint16_t add(std::span<const Buffer> buffers) {
    const std::vector<uint16_t> taken = take(buffers.size());
    for (size_t i = 0; i < buffers.size(); ++i) {
      const bool last = i + 1 == buffers.size();
      set_descriptor(taken[i], describe(buffers[i], !last), last ? 0 : taken[i + 1]);
    }
    return expose(taken);
  }
  uint16_t add(std::initializer_list<Buffer> buffers) { return add(std::span(buffers.begin(), buffers.size())); }

  // The same by an indirect table at `table`, 16 bytes for each buffer.
  uint16_t add_indirect(std::span<const Buffer> buffers, uint64_t table) {
    for (size_t i = 0; i < buffers.size(); ++i) {
      virtio::Descriptor entry = describe(buffers[i], i + 1 < buffers.size());
      entry.next = static_cast<uint16_t>(i + 1);
      put(table + 16 * i, entry);
    }
    const std::vector<uint16_t> taken = take(1);
    set_descriptor(taken[0], {table, static_cast<uint32_t>(16 * buffers.size()), virtio::kDescIndirect, 0}, 0);
    return expose(taken);
  }
  uint16_t add_indirect(std::initializer_list<Buffer> buffers, uint64_t table) {
    return add_indirect(std::span(buffers.begin(), buffers.size()), table);
  }

  // Parts of the above, for tests that build something wrong.
  void set_descriptor(uint16_t index, virtio::Descriptor descriptor, uint16_t next) {
    descriptor.next = next;
    put(descriptors_ + 16ull * index, descriptor);
  }
  void make_available(uint16_t head) {
    (void)memory_.store_u16(available_ + 4 + 2ull * (next_available_ % size_), head);
    set_available_index(static_cast<uint16_t>(next_available_ + 1));
  }
  void set_available_index(uint16_t index) {
    next_available_ = index;
    (void)memory_.store_u16(available_ + 2, index);
  }

  // The next chain that the device gave back. Frees its descriptors where `add` took them.
  std::optional<virtio::UsedElement> take_used() {
    if (load(used_ + 2) == next_used_) return std::nullopt;
    virtio::UsedElement element{};
    std::array<uint8_t, sizeof element> raw{};
    (void)memory_.read(used_ + 4 + 8ull * (next_used_ % size_), raw);
    std::memcpy(&element, raw.data(), sizeof element);
    ++next_used_;
    if (element.id < size_) {
      free_.insert(free_.end(), lengths_[element.id].rbegin(), lengths_[element.id].rend());
      lengths_[element.id].clear();
    }
    return element;
  }
  [[nodiscard]] uint16_t used_index() const { return load(used_ + 2); }

  // Asks for an interrupt after `ahead` more used chains (VIRTIO_F_EVENT_IDX), or switches interrupts off and on.
  // Look at the used ring once more after it.
  void want_interrupt(bool wanted, uint16_t ahead = 1) {
    if (event_idx_) {
      const auto event = static_cast<uint16_t>(wanted ? next_used_ + ahead - 1 : next_used_ - 1);
      (void)memory_.store_u16(available_ + 4 + 2ull * size_, event);
    } else {
      (void)memory_.store_u16(available_, wanted ? 0 : virtio::kAvailNoInterrupt);
    }
    std::atomic_ref(fence_).exchange(1);
  }

  // Whether the device wants the doorbell for what was made available since the last call.
  [[nodiscard]] bool should_kick() {
    std::atomic_ref(fence_).exchange(0); // index before the device's wish: store, then load
    const uint16_t before = std::exchange(kicked_, next_available_);
    if (!event_idx_) return (load(used_) & virtio::kUsedNoNotify) == 0;
    const uint16_t event = load(used_ + 4 + 8ull * size_);
    return static_cast<uint16_t>(next_available_ - event - 1) < static_cast<uint16_t>(next_available_ - before);
  }

 private:
  static virtio::Descriptor describe(const Buffer& buffer, bool more) {
    const int flags = (more ? virtio::kDescNext : 0) | (buffer.writable ? virtio::kDescWrite : 0);
    return {buffer.gpa, buffer.bytes, static_cast<uint16_t>(flags), 0};
  }
  std::vector<uint16_t> take(size_t count) {
    std::vector<uint16_t> taken(free_.rbegin(), free_.rbegin() + static_cast<ptrdiff_t>(count));
    free_.resize(free_.size() - count);
    return taken;
  }
  uint16_t expose(const std::vector<uint16_t>& taken) {
    lengths_[taken[0]] = taken;
    make_available(taken[0]);
    return taken[0];
  }
  void put(uint64_t gpa, const virtio::Descriptor& descriptor) {
    std::array<uint8_t, sizeof descriptor> raw{};
    std::memcpy(raw.data(), &descriptor, sizeof descriptor);
    (void)memory_.write(gpa, raw);
  }
  [[nodiscard]] uint16_t load(uint64_t gpa) const {
    uint16_t value = 0;
    (void)memory_.load_u16(gpa, value);
    return value;
  }

  MemoryAccess& memory_;
  const uint16_t size_;
  const bool event_idx_;
  uint64_t descriptors_, available_, used_;
  std::vector<uint16_t> free_;
  std::vector<std::vector<uint16_t>> lengths_; // descriptors of a chain, by head
  uint16_t next_available_ = 0, next_used_ = 0, kicked_ = 0;
  int fence_ = 0;
};

// Drives the registers. Works with anything that reads and writes at (offset, bytes).
class MmioDriver {
 public:
  using Read = std::function<void(uint64_t, std::span<uint8_t>)>;
  using Write = std::function<void(uint64_t, std::span<const uint8_t>)>;

  MmioDriver(Read read, Write write) : read_(std::move(read)), write_(std::move(write)) {}
  template <typename Transport>
  explicit MmioDriver(Transport& transport)
      : MmioDriver(
            [&transport](uint64_t offset, std::span<uint8_t> data) { transport.mmio_read(offset, data); },
            [&transport](uint64_t offset, std::span<const uint8_t> data) { transport.mmio_write(offset, data); }) {}

  template <typename T = uint32_t>
  [[nodiscard]] T read(uint64_t offset) const {
    std::array<uint8_t, sizeof(T)> raw{};
    read_(offset, raw);
    T value;
    std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }
  template <typename T = uint32_t>
  void write(uint64_t offset, T value) const {
    std::array<uint8_t, sizeof(T)> raw{};
    std::memcpy(raw.data(), &value, sizeof value);
    write_(offset, raw);
  }

  [[nodiscard]] uint32_t status() const { return read(virtio::kMmioStatus); }
  void add_status(uint32_t bits) const { write(virtio::kMmioStatus, status() | bits); }
  void reset() const { write(virtio::kMmioStatus, 0u); }

  [[nodiscard]] uint64_t offered() const {
    write(virtio::kMmioDeviceFeaturesSel, 0u);
    const uint64_t low = read(virtio::kMmioDeviceFeatures);
    write(virtio::kMmioDeviceFeaturesSel, 1u);
    return low | uint64_t{read(virtio::kMmioDeviceFeatures)} << 32;
  }
  void choose(uint64_t features) const {
    write(virtio::kMmioDriverFeaturesSel, 0u);
    write(virtio::kMmioDriverFeatures, static_cast<uint32_t>(features));
    write(virtio::kMmioDriverFeaturesSel, 1u);
    write(virtio::kMmioDriverFeatures, static_cast<uint32_t>(features >> 32));
  }
  // Reset to FEATURES_OK; false when the device refused the features.
  [[nodiscard]] bool negotiate(uint64_t features) const {
    reset();
    add_status(virtio::kStatusAcknowledge);
    add_status(virtio::kStatusDriver);
    choose(features);
    add_status(virtio::kStatusFeaturesOk);
    return (status() & virtio::kStatusFeaturesOk) != 0;
  }
  // Programs one queue; false when the device did not take it.
  bool set_up_queue(uint32_t index, const DriverQueue& queue) const {
    return set_up_queue(index, queue.size(), queue.descriptors(), queue.available(), queue.used());
  }
  bool set_up_queue(uint32_t index, uint32_t size, uint64_t descriptors, uint64_t available, uint64_t used) const {
    write(virtio::kMmioQueueSel, index);
    write(virtio::kMmioQueueNum, size);
    write64(virtio::kMmioQueueDescLow, descriptors);
    write64(virtio::kMmioQueueDriverLow, available);
    write64(virtio::kMmioQueueDeviceLow, used);
    write(virtio::kMmioQueueReady, 1u);
    return read(virtio::kMmioQueueReady) == 1;
  }
  void driver_ok() const { add_status(virtio::kStatusDriverOk); }
  void kick(uint32_t queue) const { write(virtio::kMmioQueueNotify, queue); }
  // Reads and acknowledges what the interrupt was for, as Linux's vm_interrupt does.
  uint32_t take_interrupts() const {
    const uint32_t bits = read(virtio::kMmioInterruptStatus);
    write(virtio::kMmioInterruptAck, bits);
    return bits;
  }

 private:
  void write64(uint64_t low_register, uint64_t value) const {
    write(low_register, static_cast<uint32_t>(value));
    write(low_register + 4, static_cast<uint32_t>(value >> 32));
  }

  Read read_;
  Write write_;
};

} // namespace sporehost::testing
