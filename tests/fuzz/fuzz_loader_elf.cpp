// links: spore_loader
// ELF kernels: segments lie inside the input, do not wrap, do not overlap.
#include <cstdlib>

#include "core/loader/elf.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto image = sporehost::loader::parse_elf({data, size});
  if (!image.ok()) return image.error().text.empty() ? std::abort(), 0 : 0;
  uint64_t end = 0;
  for (const auto& segment : image->segments) {
    const bool sound = segment.bytes.data() >= data && segment.bytes.data() + segment.bytes.size() <= data + size &&
                       segment.mem_size >= segment.bytes.size() && segment.gpa >= end &&
                       segment.gpa + segment.mem_size >= segment.gpa;
    if (!sound) std::abort();
    end = segment.gpa + segment.mem_size;
  }
  return 0;
}
