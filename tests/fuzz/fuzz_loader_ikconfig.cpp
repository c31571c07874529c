// links: spore_loader
// The embedded configuration, anywhere in the input.
#include <cstdlib>

#include "core/loader/ikconfig.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto found = sporehost::loader::find_ikconfig({data, size});
  if (!found.ok() && found.error().text.empty()) std::abort();
  return 0;
}
