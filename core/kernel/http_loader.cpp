// Downloads, by the module that is loaded for the first of them.
#include <Poco/Exception.h>
#include <Poco/SharedLibrary.h>

#include <array>

#include "core/kernel/http_module.hpp"

namespace sporehost::kernel {

namespace fs = std::filesystem;
using spore::fail;
using spore::Result;

namespace {

// Beside the program first: a build tree, or an installation that was moved.
Result<fs::path> find_module() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const std::array<fs::path, 2> places = {program.parent_path().parent_path() / "lib/sporehost" / kHttpModuleFile,
                                          fs::path(SPORE_INSTALLED_MODULE_DIR) / kHttpModuleFile};
  for (const fs::path& place : places)
    if (fs::exists(place, error)) return place;
  return fail(SPORE_E_NOT_FOUND, "downloads need '" + places[0].string() + "' or '" + places[1].string() +
                                     "', and neither is there; install sporehost anew");
}

Result<const HttpModule*> load_module() {
  SPORE_TRY(const fs::path file, find_module());
  try {
    // Never unloaded (Poco leaves that to a call of unload): TLS libraries keep state until the process ends.
    Poco::SharedLibrary library(file.string(), Poco::SharedLibrary::SHLIB_LOCAL);
    const auto entry = reinterpret_cast<HttpModuleEntry*>(library.getSymbol(kHttpModuleEntry));
    const HttpModule* module = entry();
    if (module->version == std::string(SPORE_MODULE_VERSION)) return module;
    return fail(SPORE_E_UNSUPPORTED, "'" + file.string() + "' is of version " + module->version + ", the program of " +
                                         SPORE_MODULE_VERSION + "; install sporehost anew");
  } catch (const Poco::Exception& e) {
    return fail(SPORE_E_INTERNAL, "downloads need '" + file.string() + "': " + e.message());
  }
}

} // namespace

Result<std::string> fetch_text(const std::string& url, uint64_t most, const HttpOptions& options) {
  SPORE_TRY(const HttpModule* module, load_module());
  return module->fetch_text(url, most, options);
}

Result<void> fetch_file(const std::string& url, const fs::path& to, uint64_t most, const HttpOptions& options,
                        Progress& progress, bool& resumed) {
  SPORE_TRY(const HttpModule* module, load_module());
  return module->fetch_file(url, to, most, options, progress, resumed);
}

} // namespace sporehost::kernel
