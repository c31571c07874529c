#include "core/plugin/library.hpp"

#include <dlfcn.h>

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
  // A symbol that is missing is an error here, with its name, and not the end of the process at some later call.
  if (void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL))
    return std::shared_ptr<Library>(new Library(who, handle));
  const char* why = ::dlerror();
  return load_failed(why != nullptr ? why : "no reason was given");
}

Library::~Library() {
  const PluginCall note(who_); // its destructors run
  ::dlclose(handle_);
}

std::variant<const spore_plugin*, LoadFailure> Library::enter() {
  const auto entry = reinterpret_cast<spore_plugin_entry_fn>(::dlsym(handle_, SPORE_PLUGIN_ENTRY_SYMBOL));
  if (entry == nullptr) {
    return LoadFailure{LoadState::NoEntry, "does not export " SPORE_PLUGIN_ENTRY_SYMBOL "; is it a sporehost plugin?",
                       1};
  }
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
