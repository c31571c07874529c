// When a file was changed, to the nanosecond: stat(2) has no name for it that every system knows.
#pragma once

#include <sys/stat.h>

#include <ctime>

namespace sporehost {

[[nodiscard]] timespec modified_at(const struct stat& file);       // its content
[[nodiscard]] timespec status_changed_at(const struct stat& file); // anything of it

} // namespace sporehost
