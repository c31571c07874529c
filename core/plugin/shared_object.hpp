// What the host can tell about a file before it lets the dynamic linker near it.
#pragma once

#include "core/plugin/load_state.hpp"

#include <filesystem>
#include <optional>

namespace sporehost::plugin {

// Looks at the file's ELF header and program headers (System V ABI, chapters 4 and 5): a shared object for this
// instruction set, and long enough for every segment. The last point is more than politeness: the dynamic linker maps a
// file that is cut short without complaint and dies of SIGBUS when it touches the missing part. Reads at most about
// 4 KiB; never blocks, also not on a FIFO. [any] Nothing: it may be loaded.
[[nodiscard]] std::optional<LoadFailure> check_shared_object(const std::filesystem::path& file);

} // namespace sporehost::plugin
