#include "core/memory/guest_mapping.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "core/base/page.hpp"
#include "core/base/size.hpp"
#include "core/memory/refusal.hpp"
#include "core/system/guest_pages.hpp"

namespace sporehost {
namespace {

using spore::Result;

spore::Error no_room(uint64_t bytes, const char* what, int error) {
  return spore::fail(SPORE_E_NO_MEMORY, "cannot reserve " + std::to_string((bytes + kMiB - 1) / kMiB) + " MiB of " +
                                            what + ": " + std::strerror(error) + "; " +
                                            explain_refusal(read_memory_rules()));
}

// Address space of `bytes` at `gpa` modulo a large page: mmap gives any page, so more is reserved and the ends go back.
Mapping reserve_like(uint64_t gpa, uint64_t bytes) {
  const uint64_t large = large_page_bytes(host_page_bytes());
  const uint64_t more = bytes + large - host_page_bytes();
  if (more < bytes) return errno = ENOMEM, Mapping{};
  void* const reserved = ::mmap(nullptr, more, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return {};
  auto* const start = static_cast<uint8_t*>(reserved);
  const uint64_t head = (gpa - reinterpret_cast<uintptr_t>(start)) % large;
  const uint64_t tail = more - bytes - head;
  if (head != 0) ::munmap(start, head);
  if (tail != 0) ::munmap(start + head + bytes, tail);
  return {start + head, bytes};
}

} // namespace

Result<Mapping> map_guest_range(uint64_t gpa, uint64_t bytes, GuestAccess access, const char* what) {
  Mapping mapping = reserve_like(gpa, bytes);
  if (!mapping) return no_room(bytes, what, errno);
  mark_guest_range(mapping.data(), bytes);
  // A PC's tables and its first page table are a few pages in the first large one, which no kernel fills. Zeroing all
  // of that would be 2 MiB and some 0.2 ms of every start.
  if (gpa == 0) keep_small_pages(mapping.data(), std::min(bytes, large_page_bytes(host_page_bytes())));
  if (access == GuestAccess::read_write && ::mprotect(mapping.data(), bytes, PROT_READ | PROT_WRITE) != 0)
    return no_room(bytes, what, errno);
  return mapping;
}

void mark_guest_range(void* host, uint64_t bytes) {
  prefer_large_pages(host, bytes);
  keep_to_this_process(host, bytes);
}

} // namespace sporehost
