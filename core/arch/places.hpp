// Places in a guest's address spaces, in the words that memory maps, boot tables and devices share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sporehost {

// A range of guest-physical addresses, in bytes. With 0 bytes there is none.
struct GpaRange {
  uint64_t gpa = 0;
  uint64_t bytes = 0;
  [[nodiscard]] uint64_t end() const { return gpa + bytes; }
  friend bool operator==(const GpaRange&, const GpaRange&) = default;
};

// Where a virtio-mmio device sits, as the guest's tables show it.
struct MmioSlot {
  uint64_t gpa = 0;
  uint64_t bytes = 0;
  uint32_t gsi = 0;
};

// Where the registers of an I/O device lie: GPAs, or ports.
struct IoWindowPlace {
  bool port = false;
  GpaRange range;
};

struct IoIrqPlace {
  uint32_t gsi = 0;
  bool level = false; // else an edge; active high both
};

// An I/O device as the guest's tables show it, under the name that each kind of table has for it; empty: it has none.
struct IoNode {
  std::string acpi_hid;
  std::string fdt_compatible;
  std::vector<IoWindowPlace> windows;
  std::vector<IoIrqPlace> irqs;
};

} // namespace sporehost
