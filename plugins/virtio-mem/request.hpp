// Requests of the driver and the device's answers (VIRTIO 1.2 section 5.15.6). Everything in a request is hostile.
#pragma once

#include "wire.hpp"

#include <array>
#include <span>
#include <variant>

namespace virtio_mem {

struct Request {
  uint16_t type = 0; // a RequestType, or anything else
  uint64_t addr = 0; // GPA of the first block; not for unplug_all
  uint16_t nb_blocks = 0;
};

struct Response {
  ResponseType type = ResponseType::error;
  BlockState state = BlockState::plugged; // of an acknowledged state request; 0 otherwise
};

// Reads a request. Padding has no meaning (VMEM-27).
Request parse_request(std::span<const uint8_t, kRequestBytes> bytes);

std::array<uint8_t, kResponseBytes> encode_response(const Response& response);

// Where requests may point: [gpa, gpa + usable_bytes) in blocks. gpa and usable_bytes are multiples of block_bytes.
struct UsableRegion {
  uint64_t gpa = 0;
  uint64_t usable_bytes = 0;
  uint64_t block_bytes = 0;
};

// Blocks as bytes from the region's start.
struct BlockRange {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

// Gives the blocks that a plug, unplug or state request names, or what is wrong with it, in words (VMEM-18 to VMEM-20).
std::variant<BlockRange, const char*> locate_blocks(const Request& request, const UsableRegion& region);

} // namespace virtio_mem
