#include "core/system/module.hpp"

#include <Poco/Exception.h>
#include <Poco/SharedLibrary.h>

#include <array>
#include <filesystem>
#include <string>

#include "core/system/process.hpp"

namespace sporehost {

namespace fs = std::filesystem;
using spore::fail;
using spore::Result;

namespace {

// Beside the program first: a build tree, or an installation that was moved.
Result<fs::path> find_module(const ModuleName& name) {
  std::error_code error;
  const fs::path program = executable_path();
  const std::array<fs::path, 2> places = {program.parent_path().parent_path() / "lib/sporehost" / name.file,
                                          fs::path(SPORE_INSTALLED_MODULE_DIR) / name.file};
  for (const fs::path& place : places)
    if (fs::exists(place, error)) return place;
  return fail(SPORE_E_NOT_FOUND, std::string(name.purpose) + " needs '" + places[0].string() + "' or '" +
                                     places[1].string() + "', and neither is there; install sporehost anew");
}

} // namespace

Result<const void*> load_module_table(const ModuleName& name) {
  SPORE_TRY(const fs::path file, find_module(name));
  try {
    // Never unloaded (Poco leaves that to a call of unload): TLS libraries keep state until the process ends.
    Poco::SharedLibrary library(file.string(), Poco::SharedLibrary::SHLIB_LOCAL);
    const void* table = reinterpret_cast<const void* (*)()>(library.getSymbol(name.entry))();
    const std::string version = *static_cast<const char* const*>(table);
    if (version == SPORE_MODULE_VERSION) return table;
    return fail(SPORE_E_UNSUPPORTED, "'" + file.string() + "' is of version " + version + ", the program of " +
                                         SPORE_MODULE_VERSION + "; install sporehost anew");
  } catch (const Poco::Exception& e) {
    return fail(SPORE_E_INTERNAL, std::string(name.purpose) + " needs '" + file.string() + "': " + e.message());
  }
}

} // namespace sporehost
