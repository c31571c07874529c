// Owner of the object that a virtio device plugin made: checks what it says of itself once, then forwards calls.
#pragma once

#include <sporehost/device.h>
#include <sporehost/result.hpp>

#include <cstdint>
#include <span>
#include <utility>

#include "core/base/plugin_call.hpp"

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
  // functions, or its traits break a rule of spore_virtio_traits. `who` names the plugin (from keep_text).
  [[nodiscard]] static spore::Result<Personality> adopt(spore_object object, const char* who = "a device's plugin");

  explicit operator bool() const { return object_.ops != nullptr; }
  [[nodiscard]] const spore_virtio_traits& traits() const { return traits_; }
  [[nodiscard]] const void* query_interface(const char* name) const { // [any]
    return ops().query_interface != nullptr ? ops().query_interface(object_.self, name) : nullptr;
  }
  // For callers of an interface that `query_interface` gave.
  [[nodiscard]] void* self() const { return object_.self; }

  // All of them [device], and only on an adopted object. An exception that comes out of one is told, and the call
  // counts as not answered.
  void read_config(uint32_t offset, std::span<uint8_t> data) const {
    call("read_config",
         [&] { ops().read_config(object_.self, offset, data.data(), static_cast<uint32_t>(data.size())); });
  }
  void write_config(uint32_t offset, std::span<const uint8_t> data) const {
    call("write_config",
         [&] { ops().write_config(object_.self, offset, data.data(), static_cast<uint32_t>(data.size())); });
  }
  [[nodiscard]] bool accept_features(uint64_t features) const {
    bool accepted = false;
    call("accept_features", [&] { accepted = ops().accept_features(object_.self, features) == SPORE_OK; });
    return accepted;
  }
  [[nodiscard]] spore::Result<void> activate(uint64_t features) const;
  void notify(uint32_t queue) const {
    call("notify", [&] { ops().notify(object_.self, queue); });
  }
  void reset() const {
    call("reset", [&] { ops().reset(object_.self); });
  }
  void system_reset() const {
    call("system_reset", [&] { ops().system_reset(object_.self); });
  }

 private:
  template <typename Call>
  bool call(const char* function, Call&& call) const {
    return call_plugin(who_, function, std::forward<Call>(call));
  }
  [[nodiscard]] const spore_virtio_device_ops& ops() const {
    return *static_cast<const spore_virtio_device_ops*>(object_.ops);
  }
  [[nodiscard]] spore_virtio_traits described() const;
  [[nodiscard]] spore::Result<void> check_table() const;
  [[nodiscard]] spore::Result<void> check_traits() const;
  void reset_object();

  spore_object object_{};
  const char* who_ = nullptr;
  spore_virtio_traits traits_{};
};

} // namespace sporehost
