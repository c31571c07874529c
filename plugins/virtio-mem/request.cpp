#include "request.hpp"

namespace virtio_mem {

Request parse_request(std::span<const uint8_t, kRequestBytes> bytes) {
  return {.type = load_le<uint16_t>(&bytes[0]),
          .addr = load_le<uint64_t>(&bytes[8]),
          .nb_blocks = load_le<uint16_t>(&bytes[16])};
}

std::array<uint8_t, kResponseBytes> encode_response(const Response& response) {
  std::array<uint8_t, kResponseBytes> bytes{};
  store_le(&bytes[0], static_cast<uint16_t>(response.type));
  store_le(&bytes[8], static_cast<uint16_t>(response.state));
  return bytes;
}

std::variant<BlockRange, const char*> locate_blocks(const Request& request, const UsableRegion& region) {
  if (request.addr % region.block_bytes != 0) return "the address is not aligned to the block size";
  if (request.nb_blocks == 0) return "no blocks";
  if (request.addr < region.gpa) return "the address lies below the region";
  const uint64_t offset = request.addr - region.gpa;
  if (offset >= region.usable_bytes) return "the address lies beyond the usable region";
  // Counted in blocks, because bytes could overflow.
  if (request.nb_blocks > (region.usable_bytes - offset) / region.block_bytes) return "the end is not usable";
  return BlockRange{offset, request.nb_blocks * region.block_bytes};
}

} // namespace virtio_mem
