// Base class of virtio personalities in C++. See device.h for what each function means and where it is called.
#pragma once

#include <sporehost/device.h>
#include <sporehost/plugin.hpp>

#include <span>

namespace spore {

// The transport's side of a virtio device: queues and configuration interrupts. Cheap to copy. [device] but for Lock.
class Virtio {
 public:
  explicit Virtio(const spore_virtio* table) : table_(table) {}
  static Result<Virtio> of(const Host& host) {
    SPORE_TRY(const spore_virtio* table, host.require<spore_virtio>(SPORE_VIRTIO_1));
    return Virtio(table);
  }

  [[nodiscard]] std::optional<spore_chain> pop(uint32_t queue) const {
    spore_chain chain{};
    chain.size = sizeof chain;
    if (table_->pop(table_->context, queue, &chain) != SPORE_OK) return std::nullopt;
    return chain;
  }
  [[nodiscard]] spore_status read(const spore_chain& chain, uint64_t offset, void* to, size_t bytes) const {
    return table_->read(table_->context, &chain, offset, to, bytes);
  }
  [[nodiscard]] spore_status write(const spore_chain& chain, uint64_t offset, const void* from, size_t bytes) const {
    return table_->write(table_->context, &chain, offset, from, bytes);
  }
  void push(const spore_chain& chain, uint32_t written) const { table_->push(table_->context, &chain, written); }
  void config_changed() const { table_->config_changed(table_->context); }
  void config_touched() const { table_->config_touched(table_->context); }

  // Holds the device's lock, for calls that come from outside a [device] call. [any]
  class [[nodiscard]] Lock {
   public:
    explicit Lock(const Virtio& virtio) : table_(virtio.table_) { table_->lock(table_->context); }
    ~Lock() { table_->unlock(table_->context); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    const spore_virtio* table_;
  };

 private:
  const spore_virtio* table_;
};

class VirtioDevice : public Told {
 public:
  virtual ~VirtioDevice() = default;
  virtual const void* query_interface(std::string_view /*name*/) { return nullptr; }
  virtual void describe(spore_virtio_traits& out) = 0;
  virtual void read_config(uint32_t offset, std::span<uint8_t> data) = 0;
  virtual void write_config(uint32_t /*offset*/, std::span<const uint8_t> /*data*/) {}
  virtual spore_status accept_features(uint64_t /*features*/) { return SPORE_OK; }
  virtual Result<void> activate(uint64_t /*features*/) { return {}; }
  virtual void notify(uint32_t queue) = 0;
  virtual void reset() = 0;
  virtual void system_reset() {}

  struct Ops {
    using Base = VirtioDevice;
    static constexpr uint32_t kind = SPORE_KIND_VIRTIO_DEVICE;
    static const spore_virtio_device_ops table;
  };
};

namespace detail {
inline VirtioDevice& virtio(void* self) {
  return *static_cast<VirtioDevice*>(self);
}
} // namespace detail

inline const spore_virtio_device_ops VirtioDevice::Ops::table = {
    .size = sizeof(spore_virtio_device_ops),
    .destroy =
        [](void* self) {
          detail::swallow(detail::virtio(self), "destroy",
                          [&] { std::unique_ptr<VirtioDevice>(&detail::virtio(self)).reset(); });
        },
    .query_interface = [](void* self, const char* name) -> const void* {
      const void* found = nullptr;
      detail::swallow(detail::virtio(self), "query_interface",
                      [&] { found = detail::virtio(self).query_interface(name); });
      return found;
    },
    .describe =
        [](void* self, spore_virtio_traits* out) {
          detail::swallow(detail::virtio(self), "describe", [&] { detail::virtio(self).describe(*out); });
        },
    .read_config =
        [](void* self, uint32_t offset, void* data, uint32_t bytes) {
          detail::swallow(detail::virtio(self), "read_config", [&] {
            detail::virtio(self).read_config(offset, {static_cast<uint8_t*>(data), bytes});
          });
        },
    .write_config =
        [](void* self, uint32_t offset, const void* data, uint32_t bytes) {
          detail::swallow(detail::virtio(self), "write_config", [&] {
            detail::virtio(self).write_config(offset, {static_cast<const uint8_t*>(data), bytes});
          });
        },
    .accept_features = [](void* self, uint64_t features) -> spore_status {
      spore_status status = SPORE_E_INTERNAL;
      detail::swallow(detail::virtio(self), "accept_features",
                      [&] { status = detail::virtio(self).accept_features(features); });
      return status;
    },
    .activate = [](void* self, uint64_t features, spore_error* error) -> spore_status {
      return guarded(error, [&] { return detail::virtio(self).activate(features); });
    },
    .notify =
        [](void* self, uint32_t queue) {
          detail::swallow(detail::virtio(self), "notify", [&] { detail::virtio(self).notify(queue); });
        },
    .reset = [](void* self) { detail::swallow(detail::virtio(self), "reset", [&] { detail::virtio(self).reset(); }); },
    .system_reset =
        [](void* self) {
          detail::swallow(detail::virtio(self), "system_reset", [&] { detail::virtio(self).system_reset(); });
        },
};

} // namespace spore
