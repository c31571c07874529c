#include "saved_state.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace virtio_mem {
namespace {

constexpr std::array<uint8_t, 8> kMagic{'S', 'P', 'V', 'M', 'E', 'M', 0, 0};
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 72;
constexpr size_t kRunBytes = 16;
constexpr uint32_t kFlagNode = 1u << 0;
constexpr uint32_t kFlagWakeOwed = 1u << 1;
constexpr uint32_t kFlagsKnown = kFlagNode | kFlagWakeOwed;

spore::Error bad(const std::string& what) {
  return spore::fail(SPORE_E_INVALID, "saved state of virtio-mem: " + what);
}

spore::Error differs(const char* what, uint64_t saved, uint64_t here) {
  return bad(std::string(what) + " was " + std::to_string(saved) + " when it was saved and is " + std::to_string(here) +
             " here; resume with the machine description it was captured with");
}

// The header's fields that name the device.
spore::Result<void> check_identity(const uint8_t* header, uint32_t flags, const Identity& identity) {
  const auto block_size = load_le<uint64_t>(header + 16);
  const auto gpa = load_le<uint64_t>(header + 24);
  const auto region_size = load_le<uint64_t>(header + 32);
  const auto node_id = load_le<uint16_t>(header + 64);
  if (block_size != identity.block_size) return differs("the block size", block_size, identity.block_size);
  if (gpa != identity.gpa) return differs("the region's address", gpa, identity.gpa);
  if (region_size != identity.region_size) return differs("the region's size", region_size, identity.region_size);
  if (((flags & kFlagNode) != 0) != identity.node_id.has_value()) return bad("only one of both has a node id");
  if (node_id != identity.node_id.value_or(0)) return differs("the node id", node_id, identity.node_id.value_or(0));
  if (load_le<uint16_t>(header + 66) != 0) return bad("a reserved field is not 0");
  return {};
}

spore::Result<void> check_sizes(const SavedState& state, const Identity& identity) {
  for (const uint64_t size : {state.usable, state.requested}) {
    if (size % identity.block_size != 0) return bad("a size is no multiple of the block size");
    if (size > identity.region_size) return bad("a size is larger than the region");
  }
  if (state.usable < state.requested) return bad("the usable region is smaller than what is requested");
  return {};
}

// Runs must ascend and leave a gap, so that each state has one encoding and no block comes twice.
spore::Result<void> read_runs(std::span<const uint8_t> bytes, uint64_t plugged, uint64_t block_size,
                              SavedState& state) {
  uint64_t sum = 0;
  uint64_t free_from = 0;
  state.plugged.reserve(bytes.size() / kRunBytes);
  for (size_t at = 0; at < bytes.size(); at += kRunBytes) {
    const BlockRange run{load_le<uint64_t>(&bytes[at]), load_le<uint64_t>(&bytes[at + 8])};
    if (run.bytes == 0 || run.offset % block_size != 0 || run.bytes % block_size != 0) {
      return bad("a run of plugged blocks is empty or not aligned");
    }
    if (run.offset >= state.usable || run.bytes > state.usable - run.offset) {
      return bad("a run of plugged blocks lies outside the usable region");
    }
    if (at != 0 && run.offset <= free_from) return bad("runs of plugged blocks overlap, touch or descend");
    free_from = run.offset + run.bytes;
    sum += run.bytes; // at most the usable region, as runs do not overlap
    state.plugged.push_back(run);
  }
  if (sum != plugged) return bad("the plugged size is not the sum of its runs");
  return {};
}

} // namespace

std::vector<uint8_t> encode_state(const Identity& identity, const SavedState& state) {
  std::vector<uint8_t> bytes(kHeaderBytes + state.plugged.size() * kRunBytes);
  const uint32_t flags = (identity.node_id ? kFlagNode : uint32_t{0}) | (state.wake_owed ? kFlagWakeOwed : uint32_t{0});
  std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
  store_le(&bytes[8], kVersion);
  store_le(&bytes[12], flags);
  store_le(&bytes[16], identity.block_size);
  store_le(&bytes[24], identity.gpa);
  store_le(&bytes[32], identity.region_size);
  store_le(&bytes[40], state.usable);
  store_le(&bytes[48], state.requested);
  store_le(&bytes[64], identity.node_id.value_or(0));
  store_le(&bytes[68], static_cast<uint32_t>(state.plugged.size()));
  uint64_t plugged = 0;
  uint8_t* to = bytes.data() + kHeaderBytes;
  for (const BlockRange& run : state.plugged) {
    store_le(to, run.offset);
    store_le(to + 8, run.bytes);
    plugged += run.bytes;
    to += kRunBytes;
  }
  store_le(&bytes[56], plugged);
  return bytes;
}

spore::Result<SavedState> parse_state(std::span<const uint8_t> bytes, const Identity& identity) {
  if (bytes.size() < kHeaderBytes) return bad("shorter than its header");
  const uint8_t* header = bytes.data();
  if (std::memcmp(header, kMagic.data(), kMagic.size()) != 0) return bad("it does not begin as one");
  const auto version = load_le<uint32_t>(header + 8);
  if (version != kVersion) return bad("version " + std::to_string(version) + " is not known here, only 1 is");
  const auto flags = load_le<uint32_t>(header + 12);
  if ((flags & ~kFlagsKnown) != 0) return bad("unknown flags");
  SPORE_CHECK(check_identity(header, flags, identity));

  SavedState state{.usable = load_le<uint64_t>(header + 40),
                   .requested = load_le<uint64_t>(header + 48),
                   .wake_owed = (flags & kFlagWakeOwed) != 0,
                   .plugged = {}};
  SPORE_CHECK(check_sizes(state, identity));
  const std::span<const uint8_t> runs = bytes.subspan(kHeaderBytes);
  if (runs.size() != uint64_t{load_le<uint32_t>(header + 68)} * kRunBytes) {
    return bad("its length is not what its number of runs needs");
  }
  SPORE_CHECK(read_runs(runs, load_le<uint64_t>(header + 56), identity.block_size, state));
  return state;
}

} // namespace virtio_mem
