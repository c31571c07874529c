// What the tests of the command line share: a folder of their own, and short ways to write files and to run.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "program.hpp"

namespace cli {

inline constexpr int kNothingRun = 125; // docs: "nothing was run: the message says why"

class CliTest : public testing::Test {
 protected:
  CliTest();
  ~CliTest() override;

  // The absolute path of a file in the folder.
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const;

  // Writes m.yaml, "version: 1" and `text`; gives its path.
  [[nodiscard]] std::string machine(const std::string& text) const;
  // `check` of such a machine, and the message without "sporehost: PATH:".
  [[nodiscard]] Output check(const std::string& text, const std::string& plugin_path = "") const;

  // A folder of plugins with one of tests/support/plugins in it.
  [[nodiscard]] std::string plugin_folder(const std::string& fixture) const;
  // Puts tests/support/plugins/bad.c there, with the fault of that name; gives the file's path.
  std::string bad_plugin(const std::string& fault) const { return copied_plugin("bad", fault); }
  // The same of tests/support/plugins/escapes.cpp.
  std::string escaping_plugin(const std::string& fault) const { return copied_plugin("escapes", fault); }

  // A kernel folder that is accepted as managed; its kernel is a few bytes long.
  [[nodiscard]] std::string managed_folder() const;

  // Where plugins are looked for when the command line names `first`, as messages say it.
  [[nodiscard]] static std::string searched(const std::string& first = "");

 private:
  [[nodiscard]] std::string copied_plugin(const std::string& fixture, const std::string& name) const;

  std::filesystem::path folder_;
};

// Runs one machine; `kernel` and `initrd` are options of the command line.
class BootTest : public CliTest {
 protected:
  [[nodiscard]] Output boot(const std::string& kernel, const std::string& initrd = "none",
                            const std::string& memory = "64MiB") const;
};

// Why no machine can be made here; empty: one can.
std::string why_no_kvm();

} // namespace cli
