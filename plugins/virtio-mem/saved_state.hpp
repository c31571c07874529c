// The device's saved state as bytes: what resizing has come to, and which blocks are plugged. The contents of the
// blocks are the host's to save. Version 1, little-endian:
//
//    0  8 bytes "SPVMEM\0\0"     8  u32 version     12  u32 flags
//   16  u64 block size          24  u64 region GPA  32  u64 region bytes
//   40  u64 usable bytes        48  u64 requested, as the driver sees it
//   56  u64 plugged bytes       64  u16 node id     66  u16 zero   68  u32 number of runs
//   72  runs of plugged blocks: u64 offset, u64 bytes; ascending, none touching the next
#pragma once

#include "request.hpp"

#include <sporehost/result.hpp>

#include <optional>
#include <vector>

namespace virtio_mem {

// What a saved state must agree on with the device that takes it.
struct Identity {
  uint64_t block_size = 0;
  uint64_t gpa = 0;
  uint64_t region_size = 0;
  std::optional<uint16_t> node_id;
};

struct SavedState {
  uint64_t usable = 0;
  uint64_t requested = 0;
  bool wake_owed = false;
  std::vector<BlockRange> plugged;
};

std::vector<uint8_t> encode_state(const Identity& identity, const SavedState& state);

// Reads untrusted bytes; whatever comes back is consistent in itself and fits `identity` (VMEM-38).
spore::Result<SavedState> parse_state(std::span<const uint8_t> bytes, const Identity& identity);

} // namespace virtio_mem
