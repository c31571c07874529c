#include "core/plugin/search_path.hpp"

#include "core/system/process.hpp"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <system_error>

namespace sporehost::plugin {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split_colons(const std::string& list) {
  std::vector<std::string> parts;
  std::istringstream in(list);
  for (std::string part; std::getline(in, part, ':');) parts.push_back(part);
  return parts;
}

// Lists without throwing: a folder that cannot be read is reported, not fatal.
void list_files(Folder& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder.path, error);
  folder.exists = fs::exists(status);
  if (!folder.exists) return;
  if (!fs::is_directory(status)) {
    folder.problem = "is not a folder";
    return;
  }
  fs::directory_iterator at(folder.path, error);
  for (const fs::directory_iterator end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".so") folder.files.push_back(at->path());
  }
  if (error) folder.problem = "cannot be read: " + error.message();
  std::sort(folder.files.begin(), folder.files.end());
}

} // namespace

SearchPath::SearchPath(const SearchInputs& inputs) {
  for (const auto& path : inputs.options) add(path, "--plugin-path");
  for (const auto& path : inputs.configuration) add(path, "plugins.path");
  for (const auto& path : split_colons(inputs.environment)) add(path, "environment SPOREHOST_PLUGIN_PATH");
  if (!inputs.executable.empty()) {
    const fs::path beside = inputs.executable.parent_path();
    add(beside / "../lib/sporehost/plugins", "beside the executable");
    add(beside / "../plugins", "beside the executable");
  }
  add(inputs.installed, "installation");
}

SearchPath SearchPath::of_process(std::vector<std::string> options, std::vector<std::string> configuration) {
  SearchInputs inputs;
  inputs.options = std::move(options);
  inputs.configuration = std::move(configuration);
  if (const char* list = std::getenv("SPOREHOST_PLUGIN_PATH")) inputs.environment = list;
  inputs.executable = executable_path();
  inputs.installed = SPORE_INSTALLED_PLUGIN_DIR;
  return SearchPath(inputs);
}

void SearchPath::add(const fs::path& path, const std::string& why) {
  if (path.empty()) return;
  std::error_code error;
  Folder folder;
  folder.path = fs::weakly_canonical(path, error);
  if (error) folder.path = path;
  folder.why = why;
  for (Folder& other : folders_) {
    if (other.path != folder.path) continue;
    if (other.why.find(why) == std::string::npos) other.why += " and " + why;
    return;
  }
  list_files(folder);
  folders_.push_back(std::move(folder));
}

std::string SearchPath::text() const {
  std::string out;
  for (const Folder& folder : folders_) {
    if (!out.empty()) out += ", ";
    out += folder.path.string() + " (" + folder.why;
    if (!folder.exists) out += "; does not exist";
    if (!folder.problem.empty()) out += "; " + folder.problem;
    out += ")";
  }
  return out.empty() ? "no folder" : out;
}

} // namespace sporehost::plugin
