// Base class of virtio personalities in C++. See device.h for what each function means and where it is called.
#pragma once

#include <sporehost/device.h>
#include <sporehost/plugin.hpp>

#include <span>

namespace spore {

// The transport's side of a virtio device: queues and configuration interrupts. Cheap to copy. [device]
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

 private:
  const spore_virtio* table_;
};

// Two words of feature bits, as negotiated (VIRTIO 1.2 section 2.2).
class Features {
 public:
  explicit Features(const uint64_t* words) : words_{words[0], words[1]} {}

  [[nodiscard]] bool has(unsigned bit) const { return bit < 128 && (words_[bit / 64] >> bit % 64 & 1) != 0; }

 private:
  std::array<uint64_t, 2> words_;
};

class VirtioDevice : public Told {
 public:
  virtual ~VirtioDevice() = default;
  virtual const void* query_interface(std::string_view /*name*/) { return nullptr; }
  virtual void describe(spore_virtio_traits& out) = 0;
  virtual void read_config(uint32_t offset, std::span<uint8_t> data) = 0;
  virtual void write_config(uint32_t /*offset*/, std::span<const uint8_t> /*data*/) {}
  virtual spore_status accept_features(const Features& /*features*/) { return SPORE_OK; }
  virtual Result<void> activate(const spore_virtio_activation& /*activation*/) { return {}; }
  virtual void notify(uint32_t queue) = 0;
  virtual void reset() = 0;

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

constexpr spore_virtio_device_ops virtio_table() {
  spore_virtio_device_ops t{};
  t.size = sizeof t;
  t.destroy = [](void* self) {
    swallow(virtio(self), "destroy", [&] { std::unique_ptr<VirtioDevice>(&virtio(self)).reset(); });
  };
  t.query_interface = [](void* self, spore_string name) -> const void* {
    const void* found = nullptr;
    swallow(virtio(self), "query_interface", [&] { found = virtio(self).query_interface(from_abi(name)); });
    return found;
  };
  t.describe = [](void* self, spore_virtio_traits* out, spore_error* error) -> spore_status {
    return guarded(error, [&] {
      return filled(out, [&](spore_virtio_traits& own) { return virtio(self).describe(own), Result<void>{}; });
    });
  };
  t.read_config = [](void* self, uint32_t offset, void* data, uint32_t bytes) {
    swallow(virtio(self), "read_config", [&] {
      virtio(self).read_config(offset, {static_cast<uint8_t*>(data), bytes});
    });
  };
  t.write_config = [](void* self, uint32_t offset, const void* data, uint32_t bytes) {
    swallow(virtio(self), "write_config", [&] {
      virtio(self).write_config(offset, {static_cast<const uint8_t*>(data), bytes});
    });
  };
  t.accept_features = [](void* self, const uint64_t* features) -> spore_status {
    spore_status status = SPORE_E_INTERNAL;
    swallow(virtio(self), "accept_features", [&] { status = virtio(self).accept_features(Features(features)); });
    return status;
  };
  t.activate = [](void* self, const spore_virtio_activation* activation, spore_error* error) -> spore_status {
    return guarded(error, [&]() -> Result<void> {
      const auto own = taken(activation);
      if (!own) return too_short();
      return virtio(self).activate(*own);
    });
  };
  t.notify = [](void* self, uint32_t queue) { swallow(virtio(self), "notify", [&] { virtio(self).notify(queue); }); };
  t.reset = [](void* self) { swallow(virtio(self), "reset", [&] { virtio(self).reset(); }); };
  return t;
}
} // namespace detail

inline const spore_virtio_device_ops VirtioDevice::Ops::table = detail::virtio_table();

} // namespace spore
