// What all devices of a machine have in common, whatever their kind: a name, the services they are given, and their
// end.
#pragma once

#include <sporehost/device.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/board/board.hpp"
#include "core/host/backend.hpp"
#include "core/host/elastic_service.hpp"
#include "core/host/io_places.hpp"
#include "core/host/object_host.hpp"
#include "core/host/policy_runner.hpp"
#include "core/plugin/registry.hpp"
#include "core/session/stream_hub.hpp"

namespace sporehost {

// What every device may need; all of it outlives the device.
struct DeviceSurroundings {
  plugin::Registry& registry;
  const MachineSide& machine;
  StreamHub& streams;
  Board& board;
  Backend& backend;
  Bus& mmio;
  Bus& ports;
  IoPlaces& places;
  ElasticService* elastic = nullptr; // nullptr: there is no region, and devices that use one are left out
};

// What is wrong with two devices that want the elastic region, which has one owner.
[[nodiscard]] std::string one_owner(const std::string& device, const std::string& owner);

class Device {
 public:
  Device(std::string name, const DeviceSurroundings& around) : name_(std::move(name)), around_(around) {}
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // Makes the plugin's object and gives it its place. [main], once, before the guest runs
  [[nodiscard]] virtual spore::Result<void> make(const plugin::Found& found, const std::string& options) = 0;

  [[nodiscard]] const std::string& name() const { return name_; }
  // Where a virtio device is, for the guest's tables; and what they say of an I/O device.
  [[nodiscard]] virtual std::optional<MmioSlot> mmio_slot() const { return std::nullopt; }
  [[nodiscard]] virtual std::optional<IoNode> io_node() const { return std::nullopt; }
  [[nodiscard]] virtual ResizableMemory resizable_memory() const { return {}; }
  // Registers doorbells with the backend, where it takes them. [main]
  virtual void arm_doorbells() {}
  [[nodiscard]] virtual std::map<std::string, uint64_t> counters() { return host_->counters(); } // [any]

 protected:
  // Makes the plugin's object. A device that asked for what another has failed for that reason, whatever it says.
  [[nodiscard]] spore::Result<plugin::PluginObject> create(const plugin::Found& found,
                                                           const std::string& options) const;

  // The object's host with the services every device may ask for, and `own` for its kind.
  void make_host(std::string options, DeviceLock& lock, const char* own_name, const void* own);

  std::string name_;
  DeviceSurroundings around_;
  std::unique_ptr<StreamHub::Client> streams_;
  std::unique_ptr<ObjectHost> host_; // outlives the object that uses it

 private:
  const spore_elastic_memory* claim(ElasticService& elastic);

  std::atomic<bool> refused_elastic_{false};
};

} // namespace sporehost
