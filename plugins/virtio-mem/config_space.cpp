#include "config_space.hpp"

#include <algorithm>

namespace virtio_mem {

std::array<uint8_t, kConfigBytes> encode_config(const ConfigSpace& config) {
  std::array<uint8_t, kConfigBytes> bytes{};
  store_le(&bytes[0], config.block_size);
  store_le(&bytes[8], config.node_id);
  store_le(&bytes[16], config.addr);
  store_le(&bytes[24], config.region_size);
  store_le(&bytes[32], config.usable_region_size);
  store_le(&bytes[40], config.plugged_size);
  store_le(&bytes[48], config.requested_size);
  return bytes;
}

uint64_t usable_for(uint64_t requested, uint64_t gpa, uint64_t region_bytes, uint64_t memory_block) {
  const uint64_t end = (gpa + requested + memory_block - 1) / memory_block * memory_block + memory_block;
  return std::min(region_bytes, end - gpa);
}

} // namespace virtio_mem
