// The list of kernel modules that the initrd carries, in the order in which they are loaded.
//
// Format of /etc/sporehost/modules: one module a line, its path below /lib/modules/<release>/, then its parameters if
// it has any; `#` starts a comment. A line `---` parts the modules that the guest channel needs (loaded before HELLO)
// from those that can wait until the agent has answered.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sporehost::agent {

struct ModuleEntry {
  std::string path;       // relative to /lib/modules/<release>/
  std::string parameters; // as finit_module takes them
};

struct ModuleList {
  std::vector<ModuleEntry> channel;
  std::vector<ModuleEntry> later;
  std::vector<std::string> problems; // lines that were left out, and why
};

// At most kMaxModules entries; absolute paths and paths with `..` are refused.
inline constexpr std::size_t kMaxModules = 256;
[[nodiscard]] ModuleList parse_module_list(std::string_view text);

enum class LoadResult { kLoaded, kAlreadyThere, kFailed };

// Loads one module from `root`/<entry.path>; on kFailed `problem` says what and why. A module that the kernel has
// already, built in or loaded, is no failure.
[[nodiscard]] LoadResult load_module(const std::string& root, const ModuleEntry& entry, std::string& problem);

} // namespace sporehost::agent
