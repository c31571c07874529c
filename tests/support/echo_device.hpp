// A small virtio personality for tests of the transport, and a machine of one device around it.
#pragma once

#include "core/virtio/mmio_transport.hpp"
#include "tests/support/flat_memory.hpp"
#include "tests/support/virtio_driver.hpp"

#include <sporehost/virtio_device.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace sporehost::testing {

// What the personality saw and how it shall behave; outlives it.
struct EchoRecord {
  uint64_t features = 1u << 3;
  uint16_t queue_size = 16;
  uint32_t queue_count = 2;
  bool accept = true;
  bool activate_fails = false;
  int activations = 0, notifications = 0, resets = 0, destroyed = 0;
  uint64_t active_features = 0;
  std::array<uint8_t, 12> config{};
  std::deque<spore_chain> held; // chains of queue 1
};

// Queue 0 copies each chain's readable part to its writable part. Queue 1 keeps its chains until `finish`.
class EchoDevice : public spore::VirtioDevice {
 public:
  static constexpr uint32_t kDeviceId = 42;

  EchoDevice(const spore_virtio* table, EchoRecord& record)
      : virtio_(table), record_(record), queue_sizes_(record.queue_count, record.queue_size) {}
  ~EchoDevice() override { ++record_.destroyed; }

  void describe(spore_virtio_traits& out) override {
    out.device_id = kDeviceId;
    out.features[0] = record_.features;
    out.queue_count = record_.queue_count;
    out.config_bytes = record_.config.size();
    out.queue_size_max = queue_sizes_.data();
  }
  void read_config(uint32_t offset, std::span<uint8_t> data) override {
    std::copy_n(record_.config.begin() + offset, data.size(), data.begin());
  }
  void write_config(uint32_t offset, std::span<const uint8_t> data) override {
    std::ranges::copy(data, record_.config.begin() + offset);
  }
  spore_status accept_features(const spore::Features&) override {
    return record_.accept ? SPORE_OK : SPORE_E_UNSUPPORTED;
  }
  spore::Result<void> activate(const spore_virtio_activation& activation) override {
    ++record_.activations;
    record_.active_features = activation.features[0];
    if (record_.activate_fails) return spore::fail(SPORE_E_INTERNAL, "told to fail");
    return {};
  }
  void notify(uint32_t queue) override {
    ++record_.notifications;
    while (const auto chain = virtio_.pop(queue)) {
      if (queue == 0) {
        echo(*chain);
      } else {
        record_.held.push_back(*chain);
      }
    }
  }
  void reset() override { ++record_.resets; }

 private:
  void echo(const spore_chain& chain) const {
    std::vector<uint8_t> bytes(std::min<uint64_t>({chain.readable_bytes, chain.writable_bytes, 1 << 16}));
    uint32_t written = 0;
    if (virtio_.read(chain, 0, bytes.data(), bytes.size()) == SPORE_OK &&
        virtio_.write(chain, 0, bytes.data(), bytes.size()) == SPORE_OK) {
      written = static_cast<uint32_t>(bytes.size());
    }
    virtio_.push(chain, written);
  }

  spore::Virtio virtio_;
  EchoRecord& record_;
  const std::vector<uint16_t> queue_sizes_;
};

// Ownership of a C++ personality as it crosses the ABI.
inline spore_object to_object(std::unique_ptr<spore::VirtioDevice> device) {
  return {&spore::VirtioDevice::Ops::table, device.release()};
}

// Memory, transport, echo device, driver. Queue 0's rings lie at kRings, queue 1's 8 KiB further, buffers from
// kBuffers.
class EchoMachine {
 public:
  static constexpr uint64_t kMemoryBytes = 256 * 1024;
  static constexpr uint64_t kRings = 0x1000;
  static constexpr uint64_t kBuffers = 0x8000;
  static constexpr uint64_t kBasic = virtio::kFeatureVersion1;
  static constexpr uint64_t kIndirect = kBasic | virtio::kFeatureIndirect;
  static constexpr uint64_t kEvents = kBasic | virtio::kFeatureEventIdx;

  explicit EchoMachine(bool with_reschedule = false) : transport_(config(with_reschedule)), driver_(transport_) {}

  [[nodiscard]] spore::Result<void> attach() {
    return host().attach(to_object(std::make_unique<EchoDevice>(host().table(), record)));
  }
  // Everything up to DRIVER_OK. True when the device went along.
  [[nodiscard]] bool start(uint64_t features = kBasic, uint16_t size = 16) {
    if (!attach().ok() || !driver_.negotiate(features)) return false;
    set_up_queues(features, size);
    driver_.driver_ok();
    return driver_.status() ==
           (virtio::kStatusAcknowledge | virtio::kStatusDriver | virtio::kStatusFeaturesOk | virtio::kStatusDriverOk);
  }
  void set_up_queues(uint64_t features, uint16_t size) {
    queues_.clear();
    for (uint32_t i = 0; i < record.queue_count; ++i) {
      queues_.emplace_back(memory, kRings + i * 0x2000, size, (features & virtio::kFeatureEventIdx) != 0);
      driver_.set_up_queue(i, queues_.back());
    }
  }

  [[nodiscard]] VirtioHost& host() { return transport_.host(); }
  [[nodiscard]] MmioTransport& transport() { return transport_; }
  [[nodiscard]] MmioDriver& driver() { return driver_; }
  [[nodiscard]] DriverQueue& queue(size_t index = 0) { return queues_[index]; }
  [[nodiscard]] spore::Virtio device() { return spore::Virtio(host().table()); }

  FlatMemory memory{kMemoryBytes};
  EchoRecord record;
  std::atomic<int> pulses{0};
  std::vector<uint32_t> rescheduled;
  std::vector<std::string> log;

 private:
  VirtioHostConfig config(bool with_reschedule) {
    VirtioHostConfig config;
    config.name = "echo";
    config.memory = &memory;
    config.pulse = [this] { ++pulses; };
    if (with_reschedule) config.reschedule = [this](uint32_t queue) { rescheduled.push_back(queue); };
    config.log = [this](int32_t, std::string_view text) { log.emplace_back(text); };
    return config;
  }

  MmioTransport transport_;
  MmioDriver driver_;
  std::vector<DriverQueue> queues_;
};

} // namespace sporehost::testing
