#include "options.hpp"

#include <bit>

namespace virtio_mem {

spore::Result<Options> read_options(std::string_view json) {
  const spore::Options given(json);
  Options options;
  if (const auto node = given.integer("/node-id")) {
    if (*node < 0 || *node > UINT16_MAX) return spore::fail(SPORE_E_INVALID, "node-id must be 0 to 65535");
    options.node_id = static_cast<uint16_t>(*node);
  }
  options.unplugged_inaccessible = given.boolean("/unplugged-inaccessible").value_or(true);
  options.persistent_suspend = given.boolean("/persistent-suspend").value_or(false);
  if (const auto block = given.integer("/memory-block")) {
    constexpr int64_t kLeast = int64_t{1} << 20;
    constexpr int64_t kMost = int64_t{1} << 40;
    if (*block < kLeast || *block > kMost || !std::has_single_bit(static_cast<uint64_t>(*block))) {
      return spore::fail(SPORE_E_INVALID, "memory-block must be a power of two from 1MiB to 1TiB, such as 128MiB");
    }
    options.memory_block = static_cast<uint64_t>(*block);
  }
  return options;
}

} // namespace virtio_mem
