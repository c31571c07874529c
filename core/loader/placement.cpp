#include "core/loader/placement.hpp"

#include <algorithm>
#include <string>

#include "core/base/size.hpp"

namespace sporehost::loader {

namespace {

// Rounded up: a size must not read as smaller than it is.
std::string mib(uint64_t bytes) {
  return std::to_string(bytes / kMiB + (bytes % kMiB != 0 ? 1 : 0)) + " MiB";
}

} // namespace

spore::Result<void> check_kernel_fits(std::span<const Segment> segments, uint64_t low, uint64_t top) {
  for (const Segment& segment : segments) {
    const uint64_t end = segment.gpa + segment.mem_size;
    if (segment.gpa < low) {
      return spore::fail(SPORE_E_RANGE, "the kernel wants address " + std::to_string(segment.gpa) +
                                            ", below the first usable one, " + std::to_string(low) +
                                            "; it is not a kernel for this board");
    }
    if (end > top) {
      return spore::fail(SPORE_E_RANGE, "the kernel reaches up to " + mib(end) + " but RAM for it ends at " +
                                            std::to_string(top / kMiB) + " MiB; give the machine more memory");
    }
  }
  return {};
}

spore::Result<uint64_t> place_initrd(const InitrdRequest& request) {
  if (request.size == 0) return spore::fail(SPORE_E_INVALID, "the initrd is empty");
  const uint64_t top = std::min(request.ram_top, request.addr_max == UINT64_MAX ? UINT64_MAX : request.addr_max + 1);
  const auto down = [&](uint64_t address) { return address / request.page_bytes * request.page_bytes; };
  const uint64_t end = request.kernel_end;
  const uint64_t bottom = down(end) + (down(end) != end ? request.page_bytes : 0);
  const bool fits = request.size <= top && down(top - request.size) >= bottom && bottom >= end;
  if (!fits) {
    return spore::fail(SPORE_E_RANGE, "initrd of " + mib(request.size) + " does not fit into " +
                                          std::to_string(request.ram_top / kMiB) +
                                          " MiB of RAM: the kernel takes it up to " + mib(request.kernel_end) +
                                          " and the initrd must end below " + mib(top) +
                                          "; give the machine more memory or use a smaller initrd");
  }
  return down(top - request.size);
}

} // namespace sporehost::loader
