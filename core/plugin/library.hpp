// One shared object in this process, from dlopen to dlclose.
#pragma once

#include "core/plugin/load_state.hpp"

#include <sporehost/abi.h>

#include <Poco/SharedLibrary.h>

#include <filesystem>
#include <memory>
#include <variant>

namespace sporehost::plugin {

// Shared by the registry and by every object made from it, so that the code stays while anything can run in it. [main]
class Library {
 public:
  // Loads `file` with all symbols bound at once and none made visible to other plugins. The file's constructors run
  // here. LoadState::LoadFailed with the dynamic linker's words.
  static std::variant<std::shared_ptr<Library>, LoadFailure> open(const std::filesystem::path& file);

  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library();

  // Calls the entry and gives the descriptor it returns, unchecked. NoEntry, EntryFailed.
  std::variant<const spore_plugin*, LoadFailure> enter();

 private:
  explicit Library(const char* who) : who_(who) {}

  const char* who_; // "plugin '/path/x.so'", for notes of calls
  Poco::SharedLibrary library_;
};

} // namespace sporehost::plugin
