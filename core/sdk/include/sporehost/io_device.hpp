// Base class of plain MMIO and port-I/O devices in C++. See device.h for what each function means.
#pragma once

#include <sporehost/device.h>
#include <sporehost/plugin.hpp>

#include <span>

namespace spore {

// A window or an interrupt for `describe`; make them static and constant.
constexpr spore_io_window io_window(uint32_t space, uint64_t base, uint64_t bytes, uint64_t alignment = 0) {
  spore_io_window window{};
  window.size = sizeof window;
  window.space = space;
  window.base = base;
  window.bytes = bytes;
  window.alignment = alignment;
  return window;
}
constexpr spore_io_irq io_irq(uint32_t trigger, uint32_t gsi = SPORE_ANY_IRQ) {
  spore_io_irq irq{};
  irq.size = sizeof irq;
  irq.trigger = trigger;
  irq.gsi = gsi;
  return irq;
}

class IoDevice : public Told {
 public:
  virtual ~IoDevice() = default;
  virtual const void* query_interface(std::string_view /*name*/) { return nullptr; }
  virtual void describe(spore_io_traits& out) = 0;
  virtual void placed(const spore_io_placement& /*placement*/) {}
  virtual void read(uint32_t window, uint64_t offset, std::span<uint8_t> data) = 0;
  virtual void write(uint32_t window, uint64_t offset, std::span<const uint8_t> data) = 0;

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

constexpr spore_io_device_ops io_table() {
  spore_io_device_ops t{};
  t.size = sizeof t;
  t.destroy = [](void* self) { swallow(io(self), "destroy", [&] { std::unique_ptr<IoDevice>(&io(self)).reset(); }); };
  t.query_interface = [](void* self, spore_string name) -> const void* {
    const void* found = nullptr;
    swallow(io(self), "query_interface", [&] { found = io(self).query_interface(from_abi(name)); });
    return found;
  };
  t.describe = [](void* self, spore_io_traits* out, spore_error* error) -> spore_status {
    return guarded(error, [&] {
      return filled(out, [&](spore_io_traits& own) { return io(self).describe(own), Result<void>{}; });
    });
  };
  t.placed = [](void* self, const spore_io_placement* placement) {
    swallow(io(self), "placed", [&] {
      if (const auto own = taken(placement)) io(self).placed(*own);
    });
  };
  t.read = [](void* self, uint32_t window, uint64_t offset, void* data, uint32_t bytes) {
    swallow(io(self), "read", [&] { io(self).read(window, offset, {static_cast<uint8_t*>(data), bytes}); });
  };
  t.write = [](void* self, uint32_t window, uint64_t offset, const void* data, uint32_t bytes) {
    swallow(io(self), "write", [&] { io(self).write(window, offset, {static_cast<const uint8_t*>(data), bytes}); });
  };
  return t;
}
} // namespace detail

inline const spore_io_device_ops IoDevice::Ops::table = detail::io_table();

} // namespace spore
