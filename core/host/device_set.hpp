// The devices of one machine: made by their plugins, given a place on the board, wired to interrupts and doorbells.
#pragma once

#include <sporehost/device.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/board/board.hpp"
#include "core/config/machine_config.hpp"
#include "core/host/backend.hpp"
#include "core/host/elastic_service.hpp"
#include "core/host/object_host.hpp"
#include "core/host/policy_runner.hpp"
#include "core/plugin/registry.hpp"
#include "core/session/stream_hub.hpp"

namespace sporehost {

// Whether the device cannot do without elastic memory. On a machine that has none it is left out, with a word in the
// log.
[[nodiscard]] bool uses_elastic_memory(const plugin::Factory& factory);

// What is wrong with two devices that want the elastic region, which has one owner.
[[nodiscard]] std::string one_owner(const std::string& device, const std::string& owner);

// The factory behind a device's id, virtio or plain. [main] Errors as Registry::find, with the place in the file.
spore::Result<plugin::Found> find_device(plugin::Registry& registry, const PluginUse& use, const std::string& file);

class DeviceSet {
 public:
  // What every device may need; all of it outlives the set.
  struct Surroundings {
    plugin::Registry& registry;
    EventLoop& loop;
    GuestMemory& memory;
    StreamHub& streams;
    Board& board;
    Backend& backend;
    Bus& mmio;
    Bus& ports;
    std::string file;                  // of the machine description, for messages
    ElasticService* elastic = nullptr; // nullptr: there is no region, and devices that use one are left out
  };

  explicit DeviceSet(Surroundings around);
  ~DeviceSet();
  DeviceSet(const DeviceSet&) = delete;
  DeviceSet& operator=(const DeviceSet&) = delete;

  // Makes one device and claims its place. [main], before the guest runs. Errors name the plugin, or the place in the
  // machine description.
  spore::Result<void> add(const PluginUse& use);
  // The same for a factory that is found and options that are checked already.
  spore::Result<void> add_object(const plugin::Found& found, const std::string& name, const std::string& options);
  // Ends one device, if it is there. [main], only where no guest runs.
  void remove(std::string_view name);

  // A region that no device can plug would never be of use. [main], after all devices were added
  [[nodiscard]] spore::Result<void> check_plugs(uint64_t region_bytes) const;

  // Where the virtio devices are, in order, for the guest's tables. [main]
  [[nodiscard]] std::vector<MmioSlot> mmio_slots() const;
  // Whether a device with this ACPI hardware id is there. [main]
  [[nodiscard]] bool has_hardware(std::string_view hardware_id) const;
  // The first device that offers sporehost.resizable-memory/1, or an empty one. [main]
  [[nodiscard]] ResizableMemory resizable_memory() const;

  // Registers doorbells with the backend, where it takes them; what it does not take the transport matches itself.
  // [main]
  void arm_doorbells();

  // Counters of every device by instance name: the plugin's own, and for virtio devices the transport's. [any]
  [[nodiscard]] std::map<std::string, std::map<std::string, uint64_t>> counters() const;

 private:
  class Device;
  class VirtioMmioDevice;
  class PlainIoDevice;

  spore::Result<void> add_virtio(const plugin::Found& found, const std::string& name, const std::string& options);
  spore::Result<void> add_io(const plugin::Found& found, const std::string& name, const std::string& options);

  spore::Result<void> claim_interrupt(uint32_t gsi, const std::string& device);

  Surroundings around_;
  std::map<uint32_t, std::string> interrupt_owners_; // by GSI
  std::vector<std::unique_ptr<Device>> devices_;
  uint32_t virtio_count_ = 0;
};

} // namespace sporehost
