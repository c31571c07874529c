// The device status field, feature negotiation and reset (VIRTIO 1.2 sections 2.1, 2.2, 2.4, 3.1).
#include "core/virtio/virtio_host.hpp"
#include "core/virtio/virtio_spec.hpp"

namespace sporehost {

using namespace virtio;

Features VirtioHost::offered_features() const {
  Features offered = personality_.traits().features;
  offered[0] |= kFeatureVersion1 | kFeatureIndirect | kFeatureEventIdx;
  return offered;
}

void VirtioHost::set_driver_features(uint32_t part, uint32_t value) {
  if ((status_ & kStatusFeaturesOk) != 0) return violation("the driver wrote DriverFeatures after FEATURES_OK");
  if (part / 2 >= driver_features_.size()) {
    driver_features_beyond_ |= value != 0;
    return;
  }
  const uint32_t shift = part % 2 * 32;
  uint64_t& word = driver_features_[part / 2];
  word = (word & ~(uint64_t{UINT32_MAX} << shift)) | uint64_t{value} << shift;
}

bool VirtioHost::features_acceptable() {
  const Features offered = offered_features();
  if (driver_features_beyond_ || (driver_features_[0] & ~offered[0]) != 0 || (driver_features_[1] & ~offered[1]) != 0) {
    return violation("the driver chose features that were not offered; FEATURES_OK is refused"), false;
  }
  if ((driver_features_[0] & kFeatureVersion1) == 0) {
    return violation("the driver is a legacy one, without VIRTIO_F_VERSION_1; FEATURES_OK is refused"), false;
  }
  if (!personality_.accept_features(driver_features_)) {
    return violation("the device cannot work with the features the driver chose; FEATURES_OK is refused"), false;
  }
  return true;
}

// A driver adds bits, each after the one before it; it may add several at once. What is out of order is not taken over
// and so reads back as 0. It may write DEVICE_NEEDS_RESET back as it read it, but that bit is the device's.
void VirtioHost::write_status(uint32_t value) {
  constexpr uint32_t kSteps[] = {kStatusAcknowledge, kStatusDriver, kStatusFeaturesOk, kStatusDriverOk};
  constexpr uint32_t kDriverBits =
      kStatusAcknowledge | kStatusDriver | kStatusFeaturesOk | kStatusDriverOk | kStatusFailed;
  if (!personality_) return;
  if (value == 0) {
    ++counters_.resets;
    return reset_device();
  }
  if ((status_ & ~value & kDriverBits) != 0) return violation("the driver cleared a bit of Status without a reset");
  status_ |= value & kStatusFailed;
  for (uint32_t before = 0; const uint32_t step : kSteps) {
    if ((value & step) != 0 && (status_ & step) == 0) {
      if ((status_ & before) != before) return violation("the driver set the bits of Status out of order");
      if (step == kStatusFeaturesOk && !features_acceptable()) return;
      if (step == kStatusDriverOk) return go_live();
      status_ |= step;
    }
    before |= step;
  }
}

void VirtioHost::go_live() {
  status_ |= kStatusDriverOk;
  if (!live()) return; // FAILED, or already in need of a reset
  std::vector<uint16_t> sizes;
  for (const Queue& slot : queues_)
    sizes.push_back(slot.queue.ready() ? static_cast<uint16_t>(slot.setup.size) : uint16_t{0});
  if (const auto active = personality_.activate(driver_features_, sizes); !active.ok()) {
    return needs_reset(active.error().text.c_str());
  }
  // A doorbell that rang before DRIVER_OK was not answered; what it was rung for is.
  for (uint32_t i = 0; i < queues_.size(); ++i) {
    if (queues_[i].queue.has_work()) serve(i);
  }
}

// Queues first: what the personality still pushes while it is being reset must not reach the driver's memory.
// ConfigGeneration stays, so that a driver cannot take two different contents for one (VMEM-10).
void VirtioHost::reset_device() {
  status_ = 0;
  for (Queue& slot : queues_) {
    slot.queue.stop();
    slot.setup = {};
    slot.pushed = slot.again = false;
  }
  driver_features_ = {};
  driver_features_beyond_ = false;
  interrupt_status_.store(0);
  pending_interrupts_ = 0;
  personality_.reset();
}

} // namespace sporehost
