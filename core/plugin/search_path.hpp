// Where plugins are looked for, in which order, and why each folder is among them.
//
// The order, first match wins: --plugin-path options, `plugins.path` of the machine description, the environment
// variable SPOREHOST_PLUGIN_PATH (folders with colons between), the folders beside the executable
// (../lib/sporehost/plugins of an installation that was moved, ../plugins of a build tree), the folder this host was
// installed to.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sporehost::plugin {

struct Folder {
  std::filesystem::path path; // absolute where it could be made so
  std::string why;            // "--plugin-path", "environment SPOREHOST_PLUGIN_PATH", ...
  bool exists = false;
  std::string problem;                      // why it cannot be read; empty: it can, or it does not exist
  std::vector<std::filesystem::path> files; // the *.so in it, by name
};

// What the folders are made of. Empty entries are ignored. Relative paths count from the working directory.
struct SearchInputs {
  std::vector<std::string> options;       // --plugin-path, in the order given
  std::vector<std::string> configuration; // plugins.path
  std::string environment;                // colon list
  std::filesystem::path executable;       // empty: unknown
  std::filesystem::path installed;        // folder in the installed libdir; empty: none
};

// [main]
class SearchPath {
 public:
  explicit SearchPath(const SearchInputs& inputs);

  // The same with the environment, the executable and the installation of this process.
  static SearchPath of_process(std::vector<std::string> options, std::vector<std::string> configuration);

  // In order; a folder that is named twice is here once, with both reasons.
  [[nodiscard]] const std::vector<Folder>& folders() const { return folders_; }

  // "/a (--plugin-path), /b (plugins.path; does not exist)", for messages.
  [[nodiscard]] std::string text() const;

 private:
  void add(const std::filesystem::path& path, const std::string& why);

  std::vector<Folder> folders_;
};

} // namespace sporehost::plugin
