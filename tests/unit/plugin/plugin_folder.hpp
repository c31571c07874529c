// A folder of its own for one test, filled with copies of the fixture plugins, and gone afterwards.
#pragma once

#include "core/plugin/search_path.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace sporehost::plugin::test {

namespace fs = std::filesystem;

inline fs::path fixture(const std::string& name) {
  return fs::path(SPORE_FIXTURE_DIR) / (name + ".so");
}

class PluginFolder {
 public:
  PluginFolder() {
    std::string name = (fs::temp_directory_path() / "spore-plugin-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = fs::canonical(name);
  }
  PluginFolder(const PluginFolder&) = delete;
  PluginFolder& operator=(const PluginFolder&) = delete;
  ~PluginFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] std::string text() const { return path_.string(); }
  fs::path file(const std::string& name) const { return path_ / name; }

  // A copy, so that two of them are two plugins to the dynamic linker.
  PluginFolder& put(const std::string& fixture_name, const std::string& as = "") {
    fs::copy_file(fixture(fixture_name), file((as.empty() ? fixture_name : as) + ".so"));
    return *this;
  }
  PluginFolder& write(const std::string& name, const std::string& content) {
    std::ofstream(file(name), std::ios::binary) << content;
    return *this;
  }

 private:
  fs::path path_;
};

inline SearchPath only(std::vector<std::string> folders) {
  SearchInputs inputs;
  inputs.options = std::move(folders);
  return SearchPath(inputs);
}

inline std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace sporehost::plugin::test
