// links: spore_loader
// All four compressions, with and without the kernel's size: never more than the limit.
#include <cstdlib>

#include "core/loader/decompress.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sporehost::loader::Trailer;
  constexpr size_t kLimit = 1u << 20;
  for (const Trailer trailer : {Trailer::none, Trailer::kernel_size}) {
    const auto result = sporehost::loader::decompress({data, size}, trailer, kLimit);
    if (result.ok() ? result->bytes().size() > kLimit : result.error().text.empty()) std::abort();
  }
  return 0;
}
