// links: spore_loader
// What is looked for in a decompressed kernel: the embedded configuration and the texts that tell of options.
#include <cstdlib>

#include "core/loader/ikconfig.hpp"
#include "core/loader/kernel_traits.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto found = sporehost::loader::find_ikconfig({data, size});
  if (!found.ok() && found.error().text.empty()) std::abort();
  const auto traits = sporehost::loader::read_kernel_traits({data, size});
  if (traits.release.size() > 64) std::abort();
  if (!traits.is_linux && (traits.acpi || traits.pci || traits.mmio_cmdline || traits.serial_8250)) std::abort();
  return 0;
}
