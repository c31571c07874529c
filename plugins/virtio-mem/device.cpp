#include "device.hpp"

#include "interfaces.hpp"

#include <bit>

namespace virtio_mem {
namespace {

constexpr uint16_t kQueueSizes[] = {64};              // Linux has one request in flight
constexpr uint64_t kAddressLimit = uint64_t{1} << 52; // no guest-physical address is wider

spore_elastic_info ask_region(const spore_elastic_memory* elastic) {
  spore_elastic_info region{};
  region.size = sizeof region;
  elastic->info(elastic->context, &region);
  return region;
}

// The host's promise about the region, checked once so that arithmetic below cannot overflow (VMEM-01, VMEM-02).
spore::Result<void> check_region(const spore_elastic_info& region) {
  const uint64_t block = region.block_bytes;
  if (!std::has_single_bit(block)) return spore::fail(SPORE_E_INVALID, "the block size is not a power of two");
  if (region.bytes == 0) return spore::fail(SPORE_E_INVALID, "the elastic region is empty");
  if (region.gpa % block != 0 || region.bytes % block != 0 || region.requested_bytes % block != 0) {
    return spore::fail(SPORE_E_INVALID, "the elastic region is not aligned to its block size");
  }
  if (region.gpa > kAddressLimit || region.bytes > kAddressLimit) {
    return spore::fail(SPORE_E_INVALID, "the elastic region lies beyond 52 address bits");
  }
  if (region.requested_bytes > region.bytes) {
    return spore::fail(SPORE_E_INVALID, "more is requested than the elastic region holds");
  }
  return {};
}

} // namespace

VirtioMem::Counters::Counters(const spore::Host& host)
    : plug(host.counter("plug_requests")),
      unplug(host.counter("unplug_requests")),
      unplug_all(host.counter("unplug_all_requests")),
      state(host.counter("state_requests")),
      acks(host.counter("acks")),
      nacks(host.counter("nacks")),
      busy(host.counter("busy")),
      errors(host.counter("errors")),
      malformed(host.counter("malformed_requests")) {}

spore::Result<std::unique_ptr<VirtioMem>> VirtioMem::create(spore::Host host, std::string_view json) {
  SPORE_TRY(const spore::Virtio virtio, spore::Virtio::of(host));
  SPORE_TRY(const spore::DeviceLock lock, spore::DeviceLock::of(host));
  const auto* elastic = host.find<spore_elastic_memory>(SPORE_ELASTIC_MEMORY_1);
  if (elastic == nullptr) {
    return spore::fail(
        SPORE_E_UNSUPPORTED,
        "the machine has no elastic memory region; remove this device or let the memory policy plan one");
  }
  SPORE_TRY(Options options, read_options(json));
  const spore_elastic_info region = ask_region(elastic);
  SPORE_CHECK(check_region(region));
  options.memory_block = std::max(options.memory_block, region.block_bytes);
  return std::unique_ptr<VirtioMem>(new VirtioMem(host, virtio, lock, elastic, options, region));
}

VirtioMem::VirtioMem(spore::Host host, spore::Virtio virtio, spore::DeviceLock lock,
                     const spore_elastic_memory* elastic, const Options& options, const spore_elastic_info& region)
    : host_(host),
      virtio_(virtio),
      lock_(lock),
      elastic_(elastic),
      options_(options),
      region_(region),
      counters_(host),
      requested_(region.requested_bytes),
      usable_(usable_for(region.requested_bytes)) {}

const void* VirtioMem::query_interface(std::string_view name) {
  if (name == SPORE_RESIZABLE_MEMORY_1) return &kResizableMemory;
  if (name == SPORE_SAVED_STATE_1) return &kSavedState;
  return nullptr;
}

void VirtioMem::describe(spore_virtio_traits& out) {
  out.device_id = kDeviceId;
  const auto offer = [&](unsigned bit) { out.features[0] |= uint64_t{1} << bit; };
  offer(kUnpluggedInaccessible);
  if (options_.node_id) offer(kAcpiPxm);
  if (options_.persistent_suspend) offer(kPersistentSuspend);
  out.config_bytes = kConfigBytes;
  out.queue_count = std::size(kQueueSizes);
  out.queue_size_max = kQueueSizes;
}

ConfigSpace VirtioMem::config() const {
  return {.block_size = region_.block_bytes,
          .node_id = options_.node_id.value_or(0),
          .addr = region_.gpa,
          .region_size = region_.bytes,
          .usable_region_size = usable_,
          .plugged_size = plugged(),
          .requested_size = requested_};
}

void VirtioMem::read_config(uint32_t offset, std::span<uint8_t> data) {
  const auto bytes = encode_config(config());
  if (offset > bytes.size() || data.size() > bytes.size() - offset) return;
  std::memcpy(data.data(), bytes.data() + offset, data.size());
}

spore_status VirtioMem::accept_features(const spore::Features& features) {
  if (features.has(kUnpluggedInaccessible) || !options_.unplugged_inaccessible) return SPORE_OK;
  complain(
      "refused a driver without VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE (Linux has it since 5.17); "
      "`unplugged-inaccessible: false` lets it in");
  return SPORE_E_UNSUPPORTED;
}

spore::Result<void> VirtioMem::activate(const spore_virtio_activation& activation) {
  reads_unplugged_ = !spore::Features(activation.features).has(kUnpluggedInaccessible);
  if (auto kept = keep_mapped(usable_); !kept.ok()) {
    return kept.error().in("keeping the usable region readable for a driver that asks for it");
  }
  SPORE_CHECK(show_wanted());
  active_ = true;
  return {};
}

// The driver is gone; the memory is not (VMEM-15).
void VirtioMem::reset() {
  active_ = false;
  wake_owed_ = false;
  if (reads_unplugged_) {
    if (auto kept = keep_mapped(0); !kept.ok()) host_.warn("after a device reset: " + kept.error().text);
  }
  reads_unplugged_ = false;
}

// What the host has the guest plug: it knows, and the device asks.
uint64_t VirtioMem::wanted() const {
  return ask_region(elastic_).requested_bytes;
}

void VirtioMem::requested_changed() {
  const std::lock_guard guard(lock_);
  if (!active_) return; // with DRIVER_OK (VMEM-37)
  if (auto shown = show_wanted(); !shown.ok()) {
    host_.warn("the driver does not hear of the new requested size yet: " + shown.error().text);
  }
}

// Shows the driver the size that is wanted. The usable region grows with it and never shrinks here (VMEM-04, VMEM-05).
spore::Result<void> VirtioMem::show_wanted() {
  const uint64_t bytes = wanted();
  const uint64_t usable = std::max(usable_, usable_for(bytes));
  if (usable != usable_) SPORE_CHECK(keep_mapped(usable));
  const bool changed = bytes != requested_ || usable != usable_;
  requested_ = bytes;
  usable_ = usable;
  if (changed) virtio_.config_changed();
  return {};
}

// A driver without VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE may read the whole usable region (VMEM-13).
spore::Result<void> VirtioMem::keep_mapped(uint64_t bytes) {
  if (!reads_unplugged_) return {};
  spore::ErrorText error;
  return spore::from_status(elastic_->keep_mapped(elastic_->context, bytes, error.out()), error);
}

// Part of UNPLUG_ALL: back to what the requested size needs. The driver rereads the configuration of its own accord.
void VirtioMem::shrink_usable() {
  usable_ = usable_for(requested_);
  if (auto kept = keep_mapped(usable_); !kept.ok()) host_.warn("after UNPLUG_ALL: " + kept.error().text);
}

spore::Result<void> VirtioMem::state(spore_resizable_state& out) {
  const std::lock_guard guard(lock_);
  out.active = active_ ? 1 : 0;
  out.region_bytes = region_.bytes;
  out.block_bytes = region_.block_bytes;
  out.requested_bytes = requested_;
  out.usable_bytes = usable_;
  out.plugged_bytes = plugged();
  return {};
}

// Linux would come back of itself only after 50 to 300 seconds.
void VirtioMem::retry() {
  const std::lock_guard guard(lock_);
  requested_changed(); // that may have had to wait as well
  if (!active_ || !wake_owed_) return;
  wake_owed_ = false;
  virtio_.config_changed();
}

} // namespace virtio_mem
