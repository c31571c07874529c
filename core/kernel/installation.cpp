#include "core/kernel/installation.hpp"

#include "core/system/process.hpp"

namespace sporehost::kernel {

namespace fs = std::filesystem;

fs::path program_folder() {
  return executable_path().parent_path();
}

fs::path find_helper(const std::string& name) {
  const fs::path here = program_folder();
  if (here.empty()) return {};
  std::error_code ignored;
  for (const char* folder : {".", "../libexec/sporehost", "../lib/sporehost"})
    if (fs::path file = (here / folder / name).lexically_normal(); fs::is_regular_file(file, ignored)) return file;
  return {};
}

fs::path scripts_folder() {
  std::error_code ignored;
  for (const fs::path& folder :
       {program_folder().parent_path() / "share/sporehost/scripts", fs::path(SPOREHOST_SOURCE_SCRIPTS)})
    if (fs::is_directory(folder, ignored)) return folder;
  return {};
}

} // namespace sporehost::kernel
