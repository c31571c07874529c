// The device's configuration space (VIRTIO 1.2 section 5.15.4) and how large its usable region is.
#pragma once

#include "wire.hpp"

#include <array>

namespace virtio_mem {

struct ConfigSpace {
  uint64_t block_size = 0;
  uint16_t node_id = 0; // valid with VIRTIO_MEM_F_ACPI_PXM, else 0
  uint64_t addr = 0;
  uint64_t region_size = 0;
  uint64_t usable_region_size = 0;
  uint64_t plugged_size = 0;
  uint64_t requested_size = 0;
};

std::array<uint8_t, kConfigBytes> encode_config(const ConfigSpace& config);

// Linux adds memory in whole memory blocks and does not use a usable region's last, partial one. So the region is
// made to end on a memory block, one further than what is requested (VMEM-11), and never beyond the device's region.
// gpa + region_bytes + 2 * memory_block must not overflow; memory_block is a power of two.
uint64_t usable_for(uint64_t requested, uint64_t gpa, uint64_t region_bytes, uint64_t memory_block);

} // namespace virtio_mem
