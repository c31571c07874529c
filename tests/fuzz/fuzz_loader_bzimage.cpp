// links: spore_loader
// bzImage: any bytes either fail with a text or give spans inside the input.
#include <cstdlib>

#include "core/loader/bzimage.hpp"
#include "core/loader/kernel_image.hpp"
#include "core/loader/placement.hpp"

using sporehost::loader::Bytes;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool inside(Bytes whole, Bytes part) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes input(data, size);
  if (const auto image = sporehost::loader::parse_bzimage(input); image.ok()) {
    require(inside(input, image->protected_mode));
    require(inside(image->protected_mode, image->payload));
    require(image->header.raw.size() <= 0x290 - 0x1f1);
  } else {
    require(!image.error().text.empty());
  }
  for (const bool decompress : {true, false}) {
    const sporehost::loader::KernelOptions options{.max_size = 1u << 20, .decompress = decompress};
    const auto kernel = sporehost::loader::parse_kernel(input, options);
    if (!kernel.ok()) continue;
    require(!kernel->segments.empty());
    require(kernel->end_gpa() != 0);
    (void)sporehost::loader::check_kernel_fits(kernel->segments, 1u << 20, 512u << 20);
    const auto gpa = sporehost::loader::place_initrd(
        {.ram_top = 512u << 20, .size = size, .addr_max = kernel->initrd_addr_max(), .kernel_end = kernel->end_gpa()});
    require(!gpa.ok() || (*gpa >= kernel->end_gpa() && *gpa + size <= 512u << 20));
  }
  return 0;
}
