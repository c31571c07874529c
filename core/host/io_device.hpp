// A device with registers and interrupts of its own, at places that the board gives it.
#pragma once

#include <vector>

#include "core/base/device_lock.hpp"
#include "core/host/device.hpp"

namespace sporehost {

class IoDevice final : public Device {
 public:
  IoDevice(std::string name, const DeviceSurroundings& around);
  ~IoDevice() override;

  spore::Result<void> make(const plugin::Found& found, const std::string& options) override;
  [[nodiscard]] std::optional<IoNode> io_node() const override { return node_; }
  [[nodiscard]] std::map<std::string, uint64_t> counters() override;

 private:
  // spore_io_traits, copied.
  struct Window {
    uint32_t space;
    uint64_t base, bytes, alignment;
    bool operator==(const Window&) const = default;
  };
  struct Irq {
    uint32_t trigger, gsi;
    bool operator==(const Irq&) const = default;
  };
  struct Traits {
    std::vector<Window> windows;
    std::vector<Irq> irqs;
    std::string acpi_hid, fdt_compatible;
    bool operator==(const Traits&) const = default;
  };
  // One window on a bus.
  class Registers final : public BusHandler {
   public:
    Registers(IoDevice& device, uint32_t index) : device_(device), index_(index) {}
    void read(uint64_t offset, std::span<uint8_t> data) override;
    void write(uint64_t offset, std::span<const uint8_t> data) override;

   private:
    IoDevice& device_;
    uint32_t index_;
  };

  [[nodiscard]] spore::Result<Traits> described() const;
  spore::Result<void> place(const Traits& traits);
  void tell_place();
  void pulse(uint32_t index);
  void set_level(uint32_t index, bool high);
  [[nodiscard]] bool has_line(uint32_t index, bool level);
  [[nodiscard]] NotedOps<spore_io_device_ops> ops() const { return object_.ops<spore_io_device_ops>(); }

  PlainDeviceLock lock_;
  spore_interrupts interrupts_{};
  IoNode node_; // empty until the device is placed, constant after that
  std::atomic<bool> placed_{false};
  std::atomic<uint64_t> wrong_lines_{0}; // interrupts that the device does not have, or not of that trigger
  plugin::PluginObject object_;
  std::vector<std::unique_ptr<Registers>> registers_;
};

} // namespace sporehost
