// The devices of one machine: made by their plugins, given a place on the board, wired to interrupts and doorbells.
#pragma once

#include <sporehost/device.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/board/board.hpp"
#include "core/config/machine_config.hpp"
#include "core/host/device.hpp"

namespace sporehost {

// Whether the device cannot do without elastic memory. On a machine that has none it is left out, with a word in the
// log.
[[nodiscard]] bool uses_elastic_memory(const plugin::Factory& factory);

// The factory behind a device's id, virtio or plain. [main] Errors as Registry::find, with the place in the file.
spore::Result<plugin::Found> find_device(plugin::Registry& registry, const PluginUse& use, const std::string& file);

class DeviceSet {
 public:
  explicit DeviceSet(const DeviceSurroundings& around) : around_(around) {}
  ~DeviceSet();
  DeviceSet(const DeviceSet&) = delete;
  DeviceSet& operator=(const DeviceSet&) = delete;

  // Makes one device and gives it its place. [main], before the guest runs. Errors name the plugin. A device that uses
  // elastic memory is left out of a machine that has none.
  spore::Result<void> add(const plugin::Found& found, const std::string& name, const std::string& options);
  // Ends one device, if it is there. [main], only where no guest runs.
  void remove(std::string_view name);

  // A region that no device can plug would never be of use. [main], after all devices were added
  [[nodiscard]] spore::Result<void> check_plugs(uint64_t region_bytes) const;

  // Where the virtio devices are, in order, for the guest's tables. [main]
  [[nodiscard]] std::vector<MmioSlot> mmio_slots() const;
  // What those tables say of the others. [main]
  [[nodiscard]] std::vector<IoNode> io_nodes() const;
  // The first device that offers sporehost.resizable-memory/1, or an empty one. [main]
  [[nodiscard]] ResizableMemory resizable_memory() const;

  // Registers doorbells with the backend, where it takes them; what it does not take the transport matches itself.
  // [main]
  void arm_doorbells();

  // Counters of every device by instance name: the plugin's own, and for virtio devices the transport's. [any]
  [[nodiscard]] std::map<std::string, std::map<std::string, uint64_t>> counters() const;

 private:
  spore::Result<std::unique_ptr<Device>> new_device(uint32_t kind, const std::string& name);

  DeviceSurroundings around_;
  std::vector<std::unique_ptr<Device>> devices_;
  uint32_t virtio_count_ = 0;
};

} // namespace sporehost
