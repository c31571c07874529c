// links: spore_loader
// arm64 Images: any bytes either fail with a text or give one segment inside the input or inside what it unpacked to.
#include <cstdlib>

#include "core/loader/kernel_image.hpp"
#include "core/loader/placement.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sporehost::loader;
  constexpr uint64_t kRam = uint64_t{1} << 30;
  const auto require = [](bool condition) {
    if (!condition) std::abort();
  };
  const KernelOptions options{.arch = Arch::aarch64, .max_size = 1u << 20, .ram_start = kRam};
  const auto kernel = parse_kernel({data, size}, options);
  if (!kernel.ok()) {
    require(!kernel.error().text.empty());
    return 0;
  }
  if (kernel->kind != KernelKind::arm64_image) return 0;
  require(kernel->segments.size() == 1);
  const Segment& segment = kernel->segments[0];
  const Bytes whole = kernel->decompressed.bytes().empty() ? Bytes(data, size) : kernel->decompressed.bytes();
  require(segment.bytes.data() == whole.data() && segment.bytes.size() == whole.size());
  require(segment.mem_size >= segment.bytes.size() && segment.gpa >= kRam && kernel->end_gpa() > kRam);
  (void)check_kernel_fits(kernel->segments, kRam, kRam + (512u << 20));
  return 0;
}
