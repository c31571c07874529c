#include "core/system/guest_pages.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "core/base/page.hpp"

namespace sporehost {

void prefer_large_pages(void* host, uint64_t bytes) {
  (void)::madvise(host, bytes, MADV_HUGEPAGE); // a kernel built without huge pages refuses, and that is all
}

void keep_small_pages(void* host, uint64_t bytes) {
  (void)::madvise(host, bytes, MADV_NOHUGEPAGE);
}

void keep_to_this_process(void* host, uint64_t bytes) {
  (void)::madvise(host, bytes, MADV_DONTDUMP);
  (void)::madvise(host, bytes, MADV_DONTFORK);
}

// The kernel refuses where somebody has locked the pages.
bool drop_pages(void* host, uint64_t bytes) {
  return ::madvise(host, bytes, MADV_DONTNEED) == 0;
}

std::optional<uint64_t> resident_pages(void* host, uint64_t bytes) {
  std::vector<unsigned char> present(bytes / host_page_bytes());
  if (::mincore(host, bytes, present.data()) != 0) return std::nullopt;
  const auto count =
      std::count_if(present.begin(), present.end(), [](unsigned char state) { return (state & 1) != 0; });
  return static_cast<uint64_t>(count);
}

} // namespace sporehost
