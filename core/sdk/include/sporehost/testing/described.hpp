// What a device says of itself, copied as deep as it goes, so that it can be compared with what it says the next time
// (SDK-21), and held against what device.h allows (SDK-25).
#pragma once

#include <sporehost/device.h>
#include <sporehost/testing/checks.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace spore::testing {

inline bool is_power_of_two(uint64_t value) {
  return value != 0 && (value & (value - 1)) == 0;
}

// ---- virtio ------------------------------------------------------------------------------------------------------

struct VirtioDescription {
  uint32_t device_id = 0;
  uint64_t features[2] = {};
  uint32_t config_bytes = 0;
  uint32_t flags = 0;
  uint32_t reserved = 0;
  uint32_t queue_count = 0;
  std::vector<uint16_t> queue_sizes;

  VirtioDescription() = default;
  explicit VirtioDescription(const spore_virtio_traits& t)
      : device_id(t.device_id),
        features{t.features[0], t.features[1]},
        config_bytes(t.config_bytes),
        flags(t.flags),
        reserved(t.reserved),
        queue_count(t.queue_count) {
    if (t.queue_size_max != nullptr && queue_count <= SPORE_VIRTIO_QUEUES_MAX)
      queue_sizes.assign(t.queue_size_max, t.queue_size_max + queue_count);
  }
  bool operator==(const VirtioDescription&) const = default;
};

inline void check(const VirtioDescription& d, Checks& checks) {
  constexpr uint64_t kTransport = 0x0003FFFFFF000000; // 24 to 49
  checks.require(d.device_id != 0, 25, "device_id 0 means no device");
  checks.require((d.features[0] & kTransport) == 0, 25, "feature bits 24 to 49 are the transport's");
  checks.require(d.queue_count >= 1 && d.queue_count <= SPORE_VIRTIO_QUEUES_MAX, 25,
                 "queue_count is not in 1 to SPORE_VIRTIO_QUEUES_MAX");
  checks.require(d.queue_sizes.size() == d.queue_count, 25, "queue_size_max is NULL");
  for (const uint16_t size : d.queue_sizes) {
    if (!is_power_of_two(size))
      checks.broken(25, "queue size " + std::to_string(size) + " is no power of two up to 32768");
  }
  checks.require(d.config_bytes <= SPORE_VIRTIO_CONFIG_BYTES_MAX, 25, "config_bytes is more than there is room for");
  checks.require((d.flags & ~uint32_t{SPORE_VIRTIO_NOTIFY_INLINE}) == 0, 25, "an unknown flag is set in the traits");
  checks.require(d.reserved == 0, 26, "a reserved field of the traits is not 0");
}

// ---- I/O ---------------------------------------------------------------------------------------------------------

struct IoDescription {
  struct Window {
    uint32_t size, space;
    uint64_t base, bytes, alignment;
    bool operator==(const Window&) const = default;
  };
  struct Irq {
    uint32_t size, trigger, gsi, reserved;
    bool operator==(const Irq&) const = default;
  };

  std::vector<Window> windows;
  std::vector<Irq> irqs;
  std::string acpi_hid;
  std::string fdt_compatible;
  uint32_t reserved = 0;
  uint32_t window_count = 0;
  uint32_t irq_count = 0;

  IoDescription() = default;
  explicit IoDescription(const spore_io_traits& t)
      : acpi_hid(text(t.acpi_hid)),
        fdt_compatible(text(t.fdt_compatible)),
        reserved(t.reserved),
        window_count(t.window_count),
        irq_count(t.irq_count) {
    for (uint32_t i = 0; t.windows != nullptr && window_count <= SPORE_IO_WINDOWS_MAX && i < window_count; ++i) {
      if (const spore_io_window* w = t.windows[i])
        windows.push_back({w->size, w->space, w->base, w->bytes, w->alignment});
    }
    for (uint32_t i = 0; t.irqs != nullptr && irq_count <= SPORE_IO_IRQS_MAX && i < irq_count; ++i) {
      if (const spore_io_irq* irq = t.irqs[i]) irqs.push_back({irq->size, irq->trigger, irq->gsi, irq->reserved});
    }
  }
  bool operator==(const IoDescription&) const = default;

 private:
  static std::string text(spore_string s) { return s.data != nullptr ? std::string(s.data, s.length) : std::string(); }
};

inline void check(const IoDescription::Window& w, Checks& checks) {
  checks.require(w.size >= SPORE_10_BYTES(spore_io_window), 15, "the size of a window is not set");
  checks.require(w.space == SPORE_IO_PORT || w.space == SPORE_IO_MMIO, 25, "a window lies in an unknown space");
  checks.require(w.bytes != 0, 25, "a window has no length");
  checks.require(w.alignment == 0 || is_power_of_two(w.alignment), 25, "a window's alignment is no power of two");
  const bool fits =
      w.base == SPORE_ANY_BASE || w.space != SPORE_IO_PORT || (w.base <= 0xffff && w.bytes <= 0x10000 - w.base);
  checks.require(fits, 25, "a window of ports ends beyond port 65535");
  checks.require(w.base == SPORE_ANY_BASE || w.bytes - 1 <= UINT64_MAX - w.base, 25, "a window ends beyond 2^64");
}

inline void check(const IoDescription::Irq& irq, Checks& checks) {
  checks.require(irq.size >= SPORE_10_BYTES(spore_io_irq), 15, "the size of an interrupt is not set");
  checks.require(irq.reserved == 0, 26, "a reserved field of an interrupt is not 0");
  checks.require(irq.trigger == SPORE_TRIGGER_EDGE || irq.trigger == SPORE_TRIGGER_LEVEL, 25,
                 "an interrupt has an unknown trigger");
}

// "PNP0501", "QEMU0001": three or four capitals or digits that begin with a letter, then four hexadecimal digits.
inline bool is_acpi_hid(std::string_view hid) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (hid.size() != 7 && hid.size() != 8) return false;
  const size_t maker = hid.size() - 4;
  for (size_t i = 0; i < hid.size(); ++i) {
    const bool right =
        i < maker ? capital(hid[i]) || (i > 0 && digit(hid[i])) : digit(hid[i]) || (hid[i] >= 'A' && hid[i] <= 'F');
    if (!right) return false;
  }
  return true;
}

inline void check(const IoDescription& d, Checks& checks) {
  checks.require(d.window_count <= SPORE_IO_WINDOWS_MAX, 25, "more windows than SPORE_IO_WINDOWS_MAX");
  checks.require(d.irq_count <= SPORE_IO_IRQS_MAX, 25, "more interrupts than SPORE_IO_IRQS_MAX");
  checks.require(d.windows.size() == d.window_count, 25, "a window is NULL");
  checks.require(d.irqs.size() == d.irq_count, 25, "an interrupt is NULL");
  for (const auto& window : d.windows) check(window, checks);
  for (const auto& irq : d.irqs) check(irq, checks);
  checks.require(d.acpi_hid.empty() || is_acpi_hid(d.acpi_hid), 25, "acpi_hid is no hardware id of ACPI");
  checks.require(d.reserved == 0, 26, "a reserved field of the traits is not 0");
}

} // namespace spore::testing
