// links: virtio_mem_formats
// The request parser of virtio-mem: whatever a driver sends, blocks that are located lie inside the usable region.
#include <cstdlib>
#include <cstring>

#include "plugins/virtio-mem/request.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace virtio_mem;
  std::array<uint8_t, kRequestBytes> bytes{};
  if (size < bytes.size() + 3) return 0;
  std::memcpy(bytes.data(), data, bytes.size());
  // The region comes from the input too, within what the device allows.
  const uint64_t block = uint64_t{1} << (12 + data[24] % 40);
  const UsableRegion region{.gpa = data[25] * block, .usable_bytes = data[26] * block, .block_bytes = block};

  const Request request = parse_request(bytes);
  const auto located = locate_blocks(request, region);
  if (const auto* range = std::get_if<BlockRange>(&located)) {
    if (range->bytes == 0 || range->offset % block != 0 || range->bytes % block != 0) std::abort();
    if (range->offset >= region.usable_bytes || range->bytes > region.usable_bytes - range->offset) std::abort();
    if (region.gpa + range->offset != request.addr || range->bytes / block != request.nb_blocks) std::abort();
  } else if (std::strlen(std::get<const char*>(located)) == 0) {
    std::abort();
  }
  return 0;
}
