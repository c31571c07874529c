// What one plugin file is, found out by loading it: here, or in a child process that it cannot take us down with.
#pragma once

#include "core/plugin/child.hpp"
#include "core/plugin/descriptor.hpp"
#include "core/plugin/library.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sporehost::plugin {

// Something worth a word about a file that works all the same. `rule` is the number nn of SDK-nn that it breaks, 0:
// none.
struct Remark {
  std::string text; // reads on after the path
  int rule = 0;
};

struct Examination {
  LoadState state = LoadState::NotFound;
  std::string reason; // why it cannot be used; empty: it can
  int rule = 0;
  Descriptor descriptor; // only where it can be used; from a child without the functions
  std::vector<Remark> remarks;
};

// Loads the file into this process and reads its descriptor; `library` keeps the code. [main]
[[nodiscard]] Examination load_here(const std::filesystem::path& file, HostAbi abi, std::shared_ptr<Library>& library);

// How a registry looks at files that it does not want in its process.
using Examiner = std::function<Examination(const std::filesystem::path& file)>;

// Has a child load the file, read its descriptor and check its schemas. What happened to the child is the outcome where
// it does not answer: LoadState::Crashed, Exited or TimedOut. [main]
[[nodiscard]] Examination examine_in_child(const std::filesystem::path& file);

// The hidden command with which the program is started as that child, and its work. [main]
inline constexpr const char* kExamineCommand = "examine-plugin";
[[noreturn]] void answer_examination(const std::filesystem::path& file);

// What the end of a child says about a plugin beside its answer: printed, forked, left processes behind.
[[nodiscard]] std::vector<Remark> remarks_of(const ChildEnd& end);

// " (SDK-3)", or nothing for 0. [any]
[[nodiscard]] std::string rule_text(int rule);

} // namespace sporehost::plugin
