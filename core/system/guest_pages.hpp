// How the system is to treat the pages of a guest. Nothing here decides whether a guest runs, but for `drop_pages`.
#pragma once

#include <cstdint>
#include <optional>

namespace sporehost {

// All in whole pages, at a page. [any]
void prefer_large_pages(void* host, uint64_t bytes);
// For memory that is given back in pieces smaller than a large page: the host frees a large page only as a whole, and
// says nothing where a piece of one was discarded.
void keep_small_pages(void* host, uint64_t bytes);
// Neither in a dump of this process nor in processes that are forked.
void keep_to_this_process(void* host, uint64_t bytes);

// Gives anonymous private memory back to the system; the next touch reads zero. false: errno says why. [any]
[[nodiscard]] bool drop_pages(void* host, uint64_t bytes);

// How many of the pages take memory of the host. Nothing: errno says why. [any]
[[nodiscard]] std::optional<uint64_t> resident_pages(void* host, uint64_t bytes);

} // namespace sporehost
