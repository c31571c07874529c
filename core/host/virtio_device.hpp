// A virtio device behind the shared virtio-mmio transport: the plugin's personality, its window, interrupt and
// doorbells.
#pragma once

#include <vector>

#include "core/host/device.hpp"
#include "core/system/notifier.hpp"
#include "core/virtio/mmio_transport.hpp"

namespace sporehost {

class VirtioDevice final : public Device {
 public:
  VirtioDevice(std::string name, const DeviceSurroundings& around, const MmioSlot& slot);
  ~VirtioDevice() override;

  spore::Result<void> make(const plugin::Found& found, const std::string& options) override;
  [[nodiscard]] std::optional<MmioSlot> mmio_slot() const override { return slot_; }
  [[nodiscard]] ResizableMemory resizable_memory() const override;
  void arm_doorbells() override;
  [[nodiscard]] std::map<std::string, uint64_t> counters() override;

 private:
  // The transport has the lock; this is how the device's other services take it.
  class Lock final : public DeviceLock {
   public:
    explicit Lock(VirtioDevice& device) : device_(device) {}
    void lock() override { device_.virtio_.lock(); }
    void unlock() override { device_.virtio_.unlock(); }

   private:
    VirtioDevice& device_;
  };
  class Registers final : public BusHandler {
   public:
    explicit Registers(MmioTransport& transport) : transport_(transport) {}
    void read(uint64_t offset, std::span<uint8_t> data) override { transport_.mmio_read(offset, data); }
    void write(uint64_t offset, std::span<const uint8_t> data) override { transport_.mmio_write(offset, data); }

   private:
    MmioTransport& transport_;
  };
  struct Doorbell {
    uint32_t queue;
    Notifier notifier;
  };

  [[nodiscard]] spore::Result<void> check_interfaces() const;
  VirtioHostConfig virtio_config();
  [[nodiscard]] spore_doorbell describe(const Doorbell& doorbell) const;
  bool arm(uint32_t queue);

  MmioSlot slot_;
  plugin::PluginObject object_; // empty once attached; keeps the plugin's code
  Lock lock_;                   // outlives the personality, which may take it until it is destroyed
  MmioTransport transport_;
  VirtioHost& virtio_;
  Registers registers_;
  std::vector<Doorbell> doorbells_;
};

} // namespace sporehost
