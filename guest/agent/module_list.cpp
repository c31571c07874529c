#include "guest/agent/module_list.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/unique_fd.hpp"

namespace sporehost::agent {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

bool stays_below(std::string_view path) {
  if (path.front() == '/' || path.find('\0') != std::string_view::npos) return false;
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (path.substr(0, slash) == "..") return false;
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return true;
}

} // namespace

ModuleList parse_module_list(std::string_view text) {
  ModuleList list;
  auto* target = &list.channel;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    if (line == "---") {
      target = &list.later;
      continue;
    }
    const auto space = line.find_first_of(" \t");
    ModuleEntry entry{std::string(line.substr(0, space)),
                      space == std::string_view::npos ? std::string{} : std::string(trim(line.substr(space)))};
    if (!stays_below(entry.path)) {
      list.problems.push_back("module path '" + entry.path + "' is not below /lib/modules/<release>");
    } else if (list.channel.size() + list.later.size() >= kMaxModules) {
      list.problems.push_back("more than " + std::to_string(kMaxModules) + " modules; '" + entry.path +
                              "' and what follows is left out");
      break;
    } else {
      target->push_back(std::move(entry));
    }
  }
  return list;
}

LoadResult load_module(const std::string& root, const ModuleEntry& entry, std::string& problem) {
  const std::string path = root + "/" + entry.path;
  const UniqueFd file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) {
    problem = "module " + path + ": " + std::strerror(errno) +
              (errno == ENOENT ? "; was the initrd built for another kernel?" : "");
    return LoadResult::kFailed;
  }
  if (syscall(SYS_finit_module, file.get(), entry.parameters.c_str(), 0) == 0) return LoadResult::kLoaded;
  if (errno == EEXIST) return LoadResult::kAlreadyThere;
  problem = "module " + path + ": the kernel refused it: " + std::strerror(errno);
  return LoadResult::kFailed;
}

} // namespace sporehost::agent
