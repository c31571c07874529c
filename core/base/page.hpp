// The size of this host's pages: 4 KiB on x86-64; 4, 16 or 64 KiB on arm64, as its kernel was built. Whatever is mapped
// starts and ends on a page.
#pragma once

#include <unistd.h>

#include <cstdint>

namespace sporehost {

[[nodiscard]] inline uint64_t host_page_bytes() {
  static const auto bytes = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

// What one entry of the level above the last maps: 2 MiB where a page is 4 KiB, 32 MiB at 16 KiB, 512 MiB at 64 KiB. A
// table fills a page with entries of eight bytes.
[[nodiscard]] constexpr uint64_t large_page_bytes(uint64_t page_bytes) {
  return page_bytes * (page_bytes / sizeof(uint64_t));
}

} // namespace sporehost
