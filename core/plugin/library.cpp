#include "core/plugin/library.hpp"

#include <dlfcn.h>

#include <Poco/Exception.h>

#include "core/base/plugin_call.hpp"
#include "core/base/text.hpp"

namespace sporehost::plugin {
namespace {

LoadFailure load_failed(const std::string& why) {
  return {LoadState::LoadFailed, "the dynamic linker refused it: " + printable(why), 23};
}

} // namespace

std::variant<std::shared_ptr<Library>, LoadFailure> Library::open(const std::filesystem::path& file) {
  const char* who = keep_text("plugin '" + printable(file.string()) + "'");
  const PluginCall note(who); // its constructors run
  // Poco binds lazily, and a missing symbol would then end the process at some later call. Bound here first, it is an
  // error with the symbol's name; Poco's own open below finds the file loaded and takes it over.
  void* bound = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (bound == nullptr) {
    const char* why = ::dlerror();
    return load_failed(why != nullptr ? why : "no reason was given");
  }
  std::shared_ptr<Library> library(new Library(who));
  try {
    library->library_.load(file.string(), Poco::SharedLibrary::SHLIB_LOCAL);
  } catch (const Poco::Exception& e) {
    ::dlclose(bound);
    return load_failed(e.displayText());
  }
  ::dlclose(bound);
  return library;
}

Library::~Library() {
  const PluginCall note(who_);
  library_.unload();
}

std::variant<const spore_plugin*, LoadFailure> Library::enter() {
  if (!library_.hasSymbol(SPORE_PLUGIN_ENTRY_SYMBOL)) {
    return LoadFailure{LoadState::NoEntry, "does not export " SPORE_PLUGIN_ENTRY_SYMBOL "; is it a sporehost plugin?",
                       1};
  }
  const auto entry = reinterpret_cast<spore_plugin_entry_fn>(library_.getSymbol(SPORE_PLUGIN_ENTRY_SYMBOL));
  try {
    const PluginCall note(who_);
    const spore_plugin* descriptor = entry();
    if (descriptor != nullptr) return descriptor;
  } catch (...) {
    return LoadFailure{LoadState::EntryFailed, SPORE_PLUGIN_ENTRY_SYMBOL " threw an exception", 7};
  }
  return LoadFailure{LoadState::EntryFailed, SPORE_PLUGIN_ENTRY_SYMBOL " returned NULL", 1};
}

} // namespace sporehost::plugin
