#include "core/system/guest_pages.hpp"

#include <mach/vm_inherit.h>
#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "core/base/page.hpp"

namespace sporehost {

// The system has one size of pages for a program's memory.
void prefer_large_pages(void* /*host*/, uint64_t /*bytes*/) {}
void keep_small_pages(void* /*host*/, uint64_t /*bytes*/) {}

void keep_to_this_process(void* host, uint64_t bytes) {
  (void)::minherit(host, bytes, VM_INHERIT_NONE);
}

// madvise(2) frees nothing here: fresh memory takes the place of the old. A hypervisor that has the range mapped must
// have let go of it before.
bool drop_pages(void* host, uint64_t bytes) {
  return ::mmap(host, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_FIXED, -1, 0) != MAP_FAILED;
}

std::optional<uint64_t> resident_pages(void* host, uint64_t bytes) {
  std::vector<char> present(bytes / host_page_bytes());
  if (::mincore(host, bytes, present.data()) != 0) return std::nullopt;
  const auto count =
      std::count_if(present.begin(), present.end(), [](char state) { return (state & MINCORE_INCORE) != 0; });
  return static_cast<uint64_t>(count);
}

} // namespace sporehost
