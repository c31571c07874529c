#include "core/kernel/kernel_cache.hpp"

namespace sporehost::kernel {

namespace fs = std::filesystem;

std::optional<std::string> KernelCache::find(const std::string& key, bool whole) const {
  std::error_code ignored;
  if (whole) return fs::is_directory(entry(key), ignored) ? std::optional(key) : std::nullopt;
  std::optional<std::string> newest;
  fs::file_time_type newest_time;
  // Entries come and go while others resolve: what cannot be looked at is not there.
  fs::directory_iterator at(folder_, ignored);
  for (const fs::directory_iterator end; !ignored && at != end; at.increment(ignored)) {
    std::string name = at->path().filename().string();
    std::error_code gone;
    if (!name.starts_with(key) || !at->is_directory(gone)) continue;
    const fs::file_time_type time = at->last_write_time(gone);
    if (gone || (newest && time <= newest_time)) continue;
    newest = std::move(name);
    newest_time = time;
  }
  return newest;
}

} // namespace sporehost::kernel
