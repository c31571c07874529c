// What the host can tell about a file before it lets the dynamic linker near it.
#pragma once

#include "core/plugin/load_state.hpp"

#include <filesystem>
#include <optional>

namespace sporehost::plugin {

// Looks at the headers of the file (core/system/object_file.hpp). Reads a few KiB; never blocks, also not on a FIFO.
// [any] Nothing: it may be loaded.
[[nodiscard]] std::optional<LoadFailure> check_shared_object(const std::filesystem::path& file);

} // namespace sporehost::plugin
