// Where the other parts of this installation are: beside the program in a build tree, or where it was installed.
#pragma once

#include <filesystem>
#include <string>

namespace sporehost::kernel {

// The folder of this very program; empty where the system does not say. [any]
[[nodiscard]] std::filesystem::path program_folder();

// A program that people do not start themselves: beside this one, or in libexec/sporehost or lib/sporehost next to its
// folder. Empty where it is in none of them. [any]
[[nodiscard]] std::filesystem::path find_helper(const std::string& name);

// Where the project's scripts are: beside an installation, or in the source tree; empty where they are not. [any]
[[nodiscard]] std::filesystem::path scripts_folder();

} // namespace sporehost::kernel
