#include "core/host/virtio_device.hpp"

#include <spdlog/spdlog.h>

#include "core/base/log_level.hpp"

namespace sporehost {

using spore::fail;
using spore::Result;

namespace {

// The virtio host puts the device's name before each line itself.
void log_line(int32_t level, std::string_view text) {
  spdlog::log(spdlog_level(level), "{}", text);
}

} // namespace

VirtioDevice::VirtioDevice(std::string name, const DeviceSurroundings& around, const MmioSlot& slot)
    : Device(std::move(name), around),
      slot_(slot),
      lock_(*this),
      transport_(virtio_config()),
      virtio_(transport_.host()),
      registers_(transport_) {}

VirtioDevice::~VirtioDevice() {
  if (host_) host_->release();
  for (const Doorbell& doorbell : doorbells_) {
    around_.machine.loop->unwatch(doorbell.notifier.fd());
    around_.backend.remove_doorbell(describe(doorbell));
  }
}

Result<void> VirtioDevice::make(const plugin::Found& found, const std::string& options) {
  make_host(options, lock_, SPORE_VIRTIO_1, virtio_.table());
  SPORE_TRY(object_, create(found, options));
  if (auto attached = virtio_.attach(object_.release(), object_.who()); !attached)
    return attached.error().in(found.plugin->origin());
  if (auto sound = check_interfaces(); !sound) return sound.error().in(found.plugin->origin());
  return around_.mmio.insert(slot_.gpa, slot_.bytes, name_, registers_);
}

Result<void> VirtioDevice::check_interfaces() const {
  const auto* table = resizable_memory().table;
  if (table == nullptr) return {};
  if (const std::string fault = plugin::check_interface(table); !fault.empty())
    return fail(SPORE_E_INVALID, "it offers a table of " SPORE_RESIZABLE_MEMORY_1 " " + fault + " (SDK-26)");
  return {};
}

ResizableMemory VirtioDevice::resizable_memory() const {
  const auto* table =
      static_cast<const spore_resizable_memory*>(virtio_.personality().query_interface(SPORE_RESIZABLE_MEMORY_1));
  if (table == nullptr) return {};
  return {table, virtio_.personality().self(), object_.who()};
}

// A device whose notifications are short has them served by the vCPU that rings: the write exits, and nothing is armed.
void VirtioDevice::arm_doorbells() {
  const VirtioTraits& traits = virtio_.personality().traits();
  if ((traits.flags & SPORE_VIRTIO_NOTIFY_INLINE) != 0 || !around_.backend.can(SPORE_CAN_DOORBELL)) return;
  for (uint32_t queue = 0; queue < traits.queue_size_max.size(); ++queue)
    if (!arm(queue)) return;
}

std::map<std::string, uint64_t> VirtioDevice::counters() {
  auto values = Device::counters();
  const VirtioCounters c = virtio_.counters();
  values["virtio.notifications"] = c.notifications;
  values["virtio.chains"] = c.chains;
  values["virtio.malformed"] = c.malformed;
  values["virtio.interrupts"] = c.interrupts;
  values["virtio.config-interrupts"] = c.config_interrupts;
  values["virtio.violations"] = c.violations;
  values["virtio.resets"] = c.resets;
  values["virtio.needs-reset"] = c.needs_reset;
  return values;
}

VirtioHostConfig VirtioDevice::virtio_config() {
  return {.name = name_,
          .memory = around_.machine.memory,
          .pulse = [&backend = around_.backend, gsi = slot_.gsi] { backend.pulse_irq(gsi); },
          .reschedule =
              [this](uint32_t queue) { around_.machine.loop->post([this, queue] { virtio_.service_queue(queue); }); },
          .log = log_line};
}

spore_doorbell VirtioDevice::describe(const Doorbell& doorbell) const {
  spore_doorbell described{};
  described.size = sizeof described;
  described.address = slot_.gpa + MmioTransport::kDoorbellOffset;
  described.bytes = MmioTransport::kDoorbellBytes;
  described.match = 1;
  described.value = MmioTransport::doorbell_value(doorbell.queue);
  described.fd = doorbell.notifier.write_fd();
  return described;
}

bool VirtioDevice::arm(uint32_t queue) {
  auto notifier = make_notifier();
  if (!notifier) return false;
  Doorbell doorbell{queue, std::move(*notifier)};
  if (auto added = around_.backend.add_doorbell(describe(doorbell)); !added) {
    spdlog::debug("{}: no doorbell: {}", name_, added.error().text);
    return false;
  }
  const int fd = doorbells_.emplace_back(std::move(doorbell)).notifier.fd();
  const auto serve = [this, at = doorbells_.size() - 1, queue](uint32_t) {
    doorbells_[at].notifier.clear();
    virtio_.service_queue(queue);
  };
  if (around_.machine.loop->watch(fd, SPORE_FD_READABLE, serve)) return true;
  around_.backend.remove_doorbell(describe(doorbells_.back())); // nobody would hear it
  doorbells_.pop_back();
  return false;
}

} // namespace sporehost
