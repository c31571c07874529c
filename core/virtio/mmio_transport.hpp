// virtio over MMIO, version 2 (VIRTIO 1.2 section 4.2.2): the register file in front of a VirtioHost.
//
// Registers are 32 bits wide, aligned, and little-endian. An access of another width or alignment, to a register that
// does not exist or against its direction reads 0 or does nothing, and is counted. The configuration space, from 0x100,
// takes any width at any offset; what lies beyond its end reads 0 and ignores writes.
//
// InterruptStatus and InterruptACK do not take the device's lock: a driver's interrupt handler does not wait for a
// `notify` that copies, plugs or logs on another thread.
#pragma once

#include "core/virtio/virtio_host.hpp"
#include "core/virtio/virtio_spec.hpp"

#include <cstdint>
#include <span>

namespace sporehost {

class MmioTransport {
 public:
  // Length of the window that a machine gives each device, a page.
  static constexpr uint64_t kWindowBytes = 0x1000;
  // A doorbell (an ioeventfd) for queue n: a 4-byte write of the value n here. When it fires, `service_queue(n)`.
  // A doorbell that comes as an ordinary MMIO write is served at once, on the vCPU's thread.
  static constexpr uint64_t kDoorbellOffset = virtio::kMmioQueueNotify;
  static constexpr uint32_t kDoorbellBytes = 4;
  [[nodiscard]] static constexpr uint32_t doorbell_value(uint32_t queue) { return queue; }

  explicit MmioTransport(VirtioHostConfig config) : host_(std::move(config)) {}

  // The device behind the registers: `table`, `attach`, `personality`, `counters`, the lock.
  [[nodiscard]] VirtioHost& host() { return host_; }

  // One access of the guest, offset from the window's start; any length, any offset. [any]
  void mmio_read(uint64_t offset, std::span<uint8_t> data);
  void mmio_write(uint64_t offset, std::span<const uint8_t> data);

  void service_queue(uint32_t queue) { host_.service_queue(queue); } // [any]

 private:
  [[nodiscard]] uint32_t read_register(uint64_t offset);
  void write_register(uint64_t offset, uint32_t value);
  void write_queue_register(uint64_t offset, uint32_t value);
  void read_config(uint64_t offset, std::span<uint8_t> data);
  void write_config(uint64_t offset, std::span<const uint8_t> data);

  VirtioHost host_; // its lock guards the selectors, too
  uint32_t device_features_sel_ = 0;
  uint32_t driver_features_sel_ = 0;
  uint32_t queue_sel_ = 0;
};

} // namespace sporehost
