#include "core/host/device_set.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/base/size.hpp"
#include "core/host/io_device.hpp"
#include "core/host/virtio_device.hpp"

namespace sporehost {

using spore::fail;
using spore::Result;

bool uses_elastic_memory(const plugin::Factory& factory) {
  return std::find(factory.uses.begin(), factory.uses.end(), SPORE_ELASTIC_MEMORY_1) != factory.uses.end();
}

Result<plugin::Found> find_device(plugin::Registry& registry, const PluginUse& use, const std::string& file) {
  static constexpr uint32_t kDeviceKinds[] = {SPORE_KIND_VIRTIO_DEVICE, SPORE_KIND_IO_DEVICE};
  auto found = registry.find(kDeviceKinds, use.plugin);
  if (!found) return found.error().in(format_position(file, use.at));
  return found;
}

// In reverse order of creation.
DeviceSet::~DeviceSet() {
  while (!devices_.empty()) devices_.pop_back();
}

Result<void> DeviceSet::add(const plugin::Found& found, const std::string& name, const std::string& options) {
  if (around_.elastic == nullptr && uses_elastic_memory(*found.factory)) {
    spdlog::debug("{}: left out: this machine has no elastic memory", name);
    return {};
  }
  SPORE_TRY(std::unique_ptr<Device> device, new_device(found.factory->kind, name));
  SPORE_CHECK(device->make(found, options));
  devices_.push_back(std::move(device));
  return {};
}

Result<std::unique_ptr<Device>> DeviceSet::new_device(uint32_t kind, const std::string& name) {
  if (kind != SPORE_KIND_VIRTIO_DEVICE) return std::unique_ptr<Device>(std::make_unique<IoDevice>(name, around_));
  const auto slot = around_.board.virtio_slot(virtio_count_);
  if (!slot) return slot.error().in("device '" + name + "'");
  if (auto claimed = around_.places.interrupt(slot->gsi, name); !claimed)
    return claimed.error().in("device '" + name + "'");
  ++virtio_count_;
  return std::unique_ptr<Device>(std::make_unique<VirtioDevice>(name, around_, *slot));
}

void DeviceSet::remove(std::string_view name) {
  std::erase_if(devices_, [&](const auto& device) { return device->name() == name; });
}

Result<void> DeviceSet::check_plugs(uint64_t region_bytes) const {
  if (region_bytes == 0 || resizable_memory().table != nullptr) return {};
  return fail(SPORE_E_NOT_FOUND, "the memory policy plans " + format_size(region_bytes) +
                                     " to plug, but no device of this machine plugs memory; add virtio-mem to "
                                     "`devices`");
}

std::vector<MmioSlot> DeviceSet::mmio_slots() const {
  std::vector<MmioSlot> slots;
  for (const auto& device : devices_)
    if (const auto slot = device->mmio_slot()) slots.push_back(*slot);
  return slots;
}

std::vector<IoNode> DeviceSet::io_nodes() const {
  std::vector<IoNode> nodes;
  for (const auto& device : devices_)
    if (auto node = device->io_node()) nodes.push_back(std::move(*node));
  return nodes;
}

ResizableMemory DeviceSet::resizable_memory() const {
  for (const auto& device : devices_)
    if (const ResizableMemory found = device->resizable_memory(); found.table != nullptr) return found;
  return {};
}

void DeviceSet::arm_doorbells() {
  for (const auto& device : devices_) device->arm_doorbells();
}

std::map<std::string, std::map<std::string, uint64_t>> DeviceSet::counters() const {
  std::map<std::string, std::map<std::string, uint64_t>> all;
  for (const auto& device : devices_) all[device->name()] = device->counters();
  return all;
}

} // namespace sporehost
