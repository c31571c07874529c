#include "core/virtio/mmio_transport.hpp"

#include <algorithm>
#include <cstring>

namespace sporehost {

using namespace virtio;

namespace {

bool is_register_access(uint64_t offset, size_t bytes) {
  return bytes == sizeof(uint32_t) && offset % sizeof(uint32_t) == 0;
}

void set_low(uint64_t& address, uint32_t value) {
  address = (address & ~uint64_t{UINT32_MAX}) | value;
}
void set_high(uint64_t& address, uint32_t value) {
  address = (address & UINT32_MAX) | uint64_t{value} << 32;
}

// 32 of the feature bits; there are none beyond the words.
uint32_t features_part(const Features& features, uint32_t part) {
  return part / 2 < features.size() ? static_cast<uint32_t>(features[part / 2] >> (part % 2 * 32)) : 0;
}

} // namespace

void MmioTransport::mmio_read(uint64_t offset, std::span<uint8_t> data) {
  std::ranges::fill(data, uint8_t{0});
  if (offset == kMmioInterruptStatus && is_register_access(offset, data.size())) {
    const uint32_t status = host_.interrupt_status();
    std::memcpy(data.data(), &status, sizeof status);
    return;
  }
  const std::lock_guard guard(host_);
  if (offset >= kMmioConfig) return read_config(offset - kMmioConfig, data);
  if (!is_register_access(offset, data.size())) {
    return host_.violation("the driver read a register with a wrong width or alignment");
  }
  const uint32_t value = read_register(offset);
  std::memcpy(data.data(), &value, sizeof value);
}

void MmioTransport::mmio_write(uint64_t offset, std::span<const uint8_t> data) {
  if (offset == kMmioInterruptAck && is_register_access(offset, data.size())) {
    uint32_t bits;
    std::memcpy(&bits, data.data(), sizeof bits);
    return host_.acknowledge(bits);
  }
  const std::lock_guard guard(host_);
  if (offset >= kMmioConfig) return write_config(offset - kMmioConfig, data);
  if (!is_register_access(offset, data.size())) {
    return host_.violation("the driver wrote a register with a wrong width or alignment");
  }
  uint32_t value;
  std::memcpy(&value, data.data(), sizeof value);
  write_register(offset, value);
}

uint32_t MmioTransport::read_register(uint64_t offset) {
  const Virtqueue* queue = host_.queue(queue_sel_);
  switch (offset) {
    case kMmioMagicValue:
      return kMmioMagic;
    case kMmioVersion:
      return kMmioVersion2;
    case kMmioDeviceId:
      return host_.device_id();
    case kMmioVendorId:
      return kMmioVendor;
    case kMmioDeviceFeatures:
      return features_part(host_.offered_features(), device_features_sel_);
    case kMmioQueueNumMax:
      return queue != nullptr ? queue->size_max() : 0; // 0: no such queue
    case kMmioQueueReady:
      return queue != nullptr && queue->ready() ? 1 : 0;
    case kMmioStatus:
      return host_.status();
    // No shared memory regions: a region that does not exist has length and base of all ones (section 4.2.2.1).
    case kMmioShmLenLow:
    case kMmioShmLenHigh:
    case kMmioShmBaseLow:
    case kMmioShmBaseHigh:
      return UINT32_MAX;
    case kMmioQueueReset:
      return 0; // VIRTIO_F_RING_RESET is not offered
    case kMmioConfigGeneration:
      return host_.config_generation();
    default:
      host_.violation("the driver read a register that does not exist or is write-only");
      return 0;
  }
}

void MmioTransport::write_register(uint64_t offset, uint32_t value) {
  switch (offset) {
    case kMmioDeviceFeaturesSel:
      device_features_sel_ = value;
      return;
    case kMmioDriverFeaturesSel:
      driver_features_sel_ = value;
      return;
    case kMmioDriverFeatures:
      return host_.set_driver_features(driver_features_sel_, value);
    case kMmioQueueSel:
      queue_sel_ = value;
      return;
    case kMmioQueueReady:
      return host_.set_queue_ready(queue_sel_, (value & 1) != 0);
    case kMmioQueueNotify:
      return host_.notify(value);
    case kMmioStatus:
      if (value == 0) device_features_sel_ = driver_features_sel_ = queue_sel_ = 0;
      return host_.write_status(value);
    case kMmioShmSel:
      return;
    case kMmioQueueNum:
    case kMmioQueueDescLow:
    case kMmioQueueDescHigh:
    case kMmioQueueDriverLow:
    case kMmioQueueDriverHigh:
    case kMmioQueueDeviceLow:
    case kMmioQueueDeviceHigh:
      return write_queue_register(offset, value);
    default:
      return host_.violation("the driver wrote a register that does not exist or is read-only");
  }
}

// Values are kept as they come; QueueReady checks them all at once.
void MmioTransport::write_queue_register(uint64_t offset, uint32_t value) {
  QueueSetup* setup = host_.setup(queue_sel_);
  if (setup == nullptr) return;
  switch (offset) {
    case kMmioQueueNum:
      setup->size = value;
      return;
    case kMmioQueueDescLow:
      return set_low(setup->descriptors, value);
    case kMmioQueueDescHigh:
      return set_high(setup->descriptors, value);
    case kMmioQueueDriverLow:
      return set_low(setup->available, value);
    case kMmioQueueDriverHigh:
      return set_high(setup->available, value);
    case kMmioQueueDeviceLow:
      return set_low(setup->used, value);
    case kMmioQueueDeviceHigh:
      return set_high(setup->used, value);
    default:
      return;
  }
}

void MmioTransport::read_config(uint64_t offset, std::span<uint8_t> data) {
  const uint64_t length = host_.personality().traits().config_bytes;
  if (offset >= length || data.empty()) return;
  const size_t inside = std::min<uint64_t>(data.size(), length - offset);
  host_.personality().read_config(static_cast<uint32_t>(offset), data.first(inside));
}

void MmioTransport::write_config(uint64_t offset, std::span<const uint8_t> data) {
  const uint64_t length = host_.personality().traits().config_bytes;
  if (offset >= length || data.empty()) return;
  const size_t inside = std::min<uint64_t>(data.size(), length - offset);
  host_.personality().write_config(static_cast<uint32_t>(offset), data.first(inside));
}

} // namespace sporehost
