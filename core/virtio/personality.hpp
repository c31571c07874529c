// Owner of the object that a virtio device plugin made: checks what it says of itself once, then forwards calls.
#pragma once

#include <sporehost/device.h>
#include <sporehost/plugin.hpp>
#include <sporehost/result.hpp>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/base/plugin_call.hpp"
#include "core/virtio/virtio_spec.hpp"

namespace sporehost {

// What a device says of itself: spore_virtio_traits, copied.
struct VirtioTraits {
  uint32_t device_id = 0;
  virtio::Features features{};
  uint32_t config_bytes = 0;
  uint32_t flags = 0;
  std::vector<uint16_t> queue_size_max;

  bool operator==(const VirtioTraits&) const = default;
};

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
  [[nodiscard]] const VirtioTraits& traits() const { return traits_; }
  [[nodiscard]] const void* query_interface(const char* name) const { // [any]
    const void* found = nullptr;
    if (ops().query_interface != nullptr)
      call("query_interface", [&] { found = ops().query_interface(object_.self, spore::to_abi(name)); });
    return found;
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
  [[nodiscard]] bool accept_features(const virtio::Features& features) const {
    bool accepted = false;
    call("accept_features", [&] { accepted = ops().accept_features(object_.self, features.data()) == SPORE_OK; });
    return accepted;
  }
  [[nodiscard]] spore::Result<void> activate(const virtio::Features& features,
                                             std::span<const uint16_t> queue_sizes) const;
  void notify(uint32_t queue) const {
    call("notify", [&] { ops().notify(object_.self, queue); });
  }
  void reset() const {
    call("reset", [&] { ops().reset(object_.self); });
  }

 private:
  template <typename Call>
  bool call(const char* function, Call&& call) const {
    return call_plugin(who_, function, std::forward<Call>(call));
  }
  [[nodiscard]] const spore_virtio_device_ops& ops() const {
    return *static_cast<const spore_virtio_device_ops*>(object_.ops);
  }
  [[nodiscard]] spore::Result<VirtioTraits> described() const;
  [[nodiscard]] spore::Result<void> check_table() const;
  [[nodiscard]] spore::Result<void> check_traits() const;
  void reset_object();

  spore_object object_{};
  const char* who_ = nullptr;
  VirtioTraits traits_;
};

} // namespace sporehost
