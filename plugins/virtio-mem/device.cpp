#include "device.hpp"

#include "interfaces.hpp"

#include <bit>

namespace virtio_mem {
namespace {

constexpr uint16_t kQueueSize = 64;                   // Linux has one request in flight
constexpr uint64_t kAddressLimit = uint64_t{1} << 52; // no guest-physical address is wider

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

spore::Result<std::unique_ptr<VirtioMem>> VirtioMem::create(spore::Host host, std::string_view /*options*/) {
  SPORE_TRY(const spore::Virtio virtio, spore::Virtio::of(host));
  const auto* elastic = host.find<spore_elastic_memory>(SPORE_ELASTIC_MEMORY_1);
  if (elastic == nullptr) {
    return spore::fail(
        SPORE_E_UNSUPPORTED,
        "the machine has no elastic memory region; remove this device or let the memory policy plan one");
  }
  SPORE_TRY(Options options, read_options(host));
  spore_elastic_info region{};
  region.size = sizeof region;
  elastic->info(elastic->context, &region);
  SPORE_CHECK(check_region(region));
  options.memory_block = std::max(options.memory_block, region.block_bytes);
  return std::unique_ptr<VirtioMem>(new VirtioMem(host, virtio, elastic, options, region));
}

VirtioMem::VirtioMem(spore::Host host, spore::Virtio virtio, const spore_elastic_memory* elastic,
                     const Options& options, const spore_elastic_info& region)
    : host_(host),
      virtio_(virtio),
      elastic_(elastic),
      options_(options),
      region_(region),
      counters_(host),
      requested_(region.requested_bytes),
      wanted_(region.requested_bytes),
      usable_(usable_for(region.requested_bytes)) {}

const void* VirtioMem::query_interface(std::string_view name) {
  if (name == SPORE_RESIZABLE_MEMORY_1) return &kResizableMemory;
  if (name == SPORE_SAVED_STATE_1) return &kSavedState;
  return nullptr;
}

void VirtioMem::describe(spore_virtio_traits& out) {
  out.device_id = kDeviceId;
  out.features = kFeatureUnpluggedInaccessible;
  if (options_.node_id) out.features |= kFeatureAcpiPxm;
  if (options_.persistent_suspend) out.features |= kFeaturePersistentSuspend;
  out.queue_count = 1;
  out.config_bytes = kConfigBytes;
  out.queue_size_max[0] = kQueueSize;
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

spore_status VirtioMem::accept_features(uint64_t features) {
  if ((features & kFeatureUnpluggedInaccessible) != 0 || !options_.unplugged_inaccessible) return SPORE_OK;
  complain(
      "refused a driver without VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE (Linux has it since 5.17); "
      "`unplugged-inaccessible: false` lets it in");
  return SPORE_E_UNSUPPORTED;
}

spore::Result<void> VirtioMem::activate(uint64_t features) {
  reads_unplugged_ = (features & kFeatureUnpluggedInaccessible) == 0;
  if (auto kept = keep_mapped(std::max(usable_, usable_for(wanted_))); !kept.ok()) {
    return kept.error().in("keeping the usable region readable for a driver that asks for it");
  }
  SPORE_CHECK(apply_requested(wanted_));
  active_ = true;
  return {};
}

void VirtioMem::notify(uint32_t queue) {
  if (queue == 0) serve_queue();
}

// The driver is gone; the memory is not (VMEM-15), nor is a size that waits for the next driver (VMEM-37).
void VirtioMem::reset() {
  active_ = false;
  wake_owed_ = false;
  if (continuation_) host_.table()->cancel_timer(host_.table()->context, *continuation_);
  continuation_.reset();
  if (reads_unplugged_) {
    if (auto kept = keep_mapped(0); !kept.ok()) host_.warn("after a device reset: " + kept.error().text);
  }
  reads_unplugged_ = false;
}

// VMEM-16. Where memory cannot leave now, it stays plugged, and the next driver begins with UNPLUG_ALL (VMEM-33).
void VirtioMem::system_reset() {
  reset();
  spore_error error{};
  const spore_status status = elastic_->unplug_all(elastic_->context, &error);
  requested_ = wanted_ = region_.requested_bytes;
  if (status == SPORE_OK) {
    usable_ = usable_for(requested_);
  } else {
    usable_ = std::max(usable_, usable_for(requested_));
    host_.warn(std::string("memory stays plugged over the system reset: ") + error.text);
  }
  virtio_.config_touched();
}

spore::Result<void> VirtioMem::request(uint64_t bytes) {
  if (bytes > region_.bytes) {
    return spore::fail(SPORE_E_INVALID, "requested size " + std::to_string(bytes) + " is larger than the region of " +
                                            std::to_string(region_.bytes) + " bytes");
  }
  if (bytes % region_.block_bytes != 0) {
    return spore::fail(SPORE_E_INVALID, "requested size " + std::to_string(bytes) +
                                            " is no multiple of the block size " + std::to_string(region_.block_bytes));
  }
  const spore::Virtio::Lock lock(virtio_);
  if (active_) return apply_requested(bytes);
  wanted_ = bytes;
  return {};
}

// Shows the driver a new requested size. The usable region grows with it and never shrinks here (VMEM-04, VMEM-05).
spore::Result<void> VirtioMem::apply_requested(uint64_t bytes) {
  const uint64_t usable = std::max(usable_, usable_for(bytes));
  if (usable != usable_) SPORE_CHECK(keep_mapped(usable));
  const bool changed = bytes != requested_ || usable != usable_;
  requested_ = wanted_ = bytes;
  usable_ = usable;
  if (changed) virtio_.config_changed();
  return {};
}

// A driver without VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE may read the whole usable region (VMEM-13).
spore::Result<void> VirtioMem::keep_mapped(uint64_t bytes) {
  if (!reads_unplugged_) return {};
  spore_error error{};
  return spore::from_status(elastic_->keep_mapped(elastic_->context, bytes, &error), error);
}

// Part of UNPLUG_ALL: back to what the requested size needs. The driver rereads the configuration of its own accord.
void VirtioMem::shrink_usable() {
  usable_ = usable_for(requested_);
  if (auto kept = keep_mapped(usable_); !kept.ok()) host_.warn("after UNPLUG_ALL: " + kept.error().text);
}

void VirtioMem::state(spore_resizable_state& out) {
  const spore::Virtio::Lock lock(virtio_);
  out.active = active_ ? 1 : 0;
  out.region_bytes = region_.bytes;
  out.block_bytes = region_.block_bytes;
  out.requested_bytes = requested_;
  out.usable_bytes = usable_;
  out.plugged_bytes = plugged();
}

// Linux would come back of itself only after 50 to 300 seconds.
void VirtioMem::retry() {
  const spore::Virtio::Lock lock(virtio_);
  if (!active_ || !wake_owed_) return;
  wake_owed_ = false;
  virtio_.config_changed();
}

} // namespace virtio_mem
