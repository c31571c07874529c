// Base class of plain MMIO and port-I/O devices in C++. See device.h for what each function means.
#pragma once

#include <sporehost/virtio_device.hpp>

namespace spore {

class IoDevice : public Told {
 public:
  virtual ~IoDevice() = default;
  virtual const void* query_interface(std::string_view /*name*/) { return nullptr; }
  virtual void describe(spore_io_traits& out) = 0;
  virtual void read(uint32_t window, uint64_t offset, std::span<uint8_t> data) = 0;
  virtual void write(uint32_t window, uint64_t offset, std::span<const uint8_t> data) = 0;
  virtual void system_reset() = 0;

  struct Ops {
    using Base = IoDevice;
    static constexpr uint32_t kind = SPORE_KIND_IO_DEVICE;
    static const spore_io_device_ops table;
  };
};

namespace detail {
inline IoDevice& io(void* self) {
  return *static_cast<IoDevice*>(self);
}
} // namespace detail

inline const spore_io_device_ops IoDevice::Ops::table = {
    .size = sizeof(spore_io_device_ops),
    .destroy =
        [](void* self) {
          detail::swallow(detail::io(self), "destroy", [&] { std::unique_ptr<IoDevice>(&detail::io(self)).reset(); });
        },
    .query_interface = [](void* self, const char* name) -> const void* {
      const void* found = nullptr;
      detail::swallow(detail::io(self), "query_interface", [&] { found = detail::io(self).query_interface(name); });
      return found;
    },
    .describe =
        [](void* self, spore_io_traits* out) {
          detail::swallow(detail::io(self), "describe", [&] { detail::io(self).describe(*out); });
        },
    .read =
        [](void* self, uint32_t window, uint64_t offset, void* data, uint32_t bytes) {
          detail::swallow(detail::io(self), "read", [&] {
            detail::io(self).read(window, offset, {static_cast<uint8_t*>(data), bytes});
          });
        },
    .write =
        [](void* self, uint32_t window, uint64_t offset, const void* data, uint32_t bytes) {
          detail::swallow(detail::io(self), "write", [&] {
            detail::io(self).write(window, offset, {static_cast<const uint8_t*>(data), bytes});
          });
        },
    .system_reset =
        [](void* self) { detail::swallow(detail::io(self), "system_reset", [&] { detail::io(self).system_reset(); }); },
};

} // namespace spore
