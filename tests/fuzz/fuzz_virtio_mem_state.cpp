// links: virtio_mem_formats
// The saved state of virtio-mem: what is accepted is consistent, and encodes to the very bytes it came from.
#include <algorithm>
#include <cstdlib>

#include "plugins/virtio-mem/saved_state.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace virtio_mem;
  if (size > (size_t{1} << 20)) return 0;
  const uint64_t block = uint64_t{2} << 20;
  Identity identity{block, uint64_t{4} << 30, uint64_t{1} << 30, std::nullopt};
  if (size > 12 && (data[12] & 1) != 0) identity.node_id = 5;

  const auto parsed = parse_state({data, size}, identity);
  if (!parsed.ok()) {
    if (parsed.error().text.empty()) std::abort();
    return 0;
  }
  uint64_t free_from = 0;
  for (const BlockRange& run : parsed->plugged) {
    if (run.bytes == 0 || run.offset < free_from || run.offset + run.bytes > parsed->usable) std::abort();
    free_from = run.offset + run.bytes;
  }
  if (parsed->usable < parsed->requested || parsed->usable > identity.region_size) std::abort();
  const auto again = encode_state(identity, *parsed);
  if (!std::equal(again.begin(), again.end(), data, data + size)) std::abort();
  return 0;
}
