// Owner of the object that a virtio device plugin made: checks what it says of itself once, then forwards calls.
#pragma once

#include <sporehost/device.h>
#include <sporehost/result.hpp>

#include <cstdint>
#include <span>

namespace sporehost {

// Longest configuration space that fits the MMIO window behind the registers.
inline constexpr uint32_t kVirtioConfigBytesMax = 0x1000 - 0x100;

class Personality {
 public:
  Personality() = default;
  Personality(Personality&& other) noexcept;
  Personality& operator=(Personality&& other) noexcept;
  ~Personality() { reset_object(); }

  // Takes the object over, whatever the outcome, and destroys it once. [main] SPORE_E_INVALID: its table lacks
  // functions, or its traits break a rule of spore_virtio_traits.
  [[nodiscard]] static spore::Result<Personality> adopt(spore_object object);

  explicit operator bool() const { return object_.ops != nullptr; }
  [[nodiscard]] const spore_virtio_traits& traits() const { return traits_; }
  [[nodiscard]] const void* query_interface(const char* name) const { // [any]
    return ops().query_interface != nullptr ? ops().query_interface(object_.self, name) : nullptr;
  }
  // For callers of an interface that `query_interface` gave.
  [[nodiscard]] void* self() const { return object_.self; }

  // All of them [device], and only on an adopted object.
  void read_config(uint32_t offset, std::span<uint8_t> data) const {
    ops().read_config(object_.self, offset, data.data(), static_cast<uint32_t>(data.size()));
  }
  void write_config(uint32_t offset, std::span<const uint8_t> data) const {
    ops().write_config(object_.self, offset, data.data(), static_cast<uint32_t>(data.size()));
  }
  [[nodiscard]] bool accept_features(uint64_t features) const {
    return ops().accept_features(object_.self, features) == SPORE_OK;
  }
  [[nodiscard]] spore::Result<void> activate(uint64_t features) const;
  void notify(uint32_t queue) const { ops().notify(object_.self, queue); }
  void reset() const { ops().reset(object_.self); }
  void system_reset() const { ops().system_reset(object_.self); }

 private:
  [[nodiscard]] const spore_virtio_device_ops& ops() const {
    return *static_cast<const spore_virtio_device_ops*>(object_.ops);
  }
  [[nodiscard]] spore_virtio_traits described() const;
  [[nodiscard]] spore::Result<void> check_table() const;
  [[nodiscard]] spore::Result<void> check_traits() const;
  void reset_object();

  spore_object object_{};
  spore_virtio_traits traits_{};
};

} // namespace sporehost
