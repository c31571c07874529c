// What a configuration must say before a kernel is managed: the list in config/managed-kernel-symbols, and the check.
#pragma once

#include <sporehost/result.hpp>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/kernel/kernel_config.hpp"

namespace sporehost::kernel {

struct RequiredSymbol {
  std::vector<std::string> any_of; // one of these must be y
  std::string arch;                // x86_64, arm64 or all
  std::string module;              // =m will do where the initrd carries it; empty: it will not
  std::string cmdline;             // text on the command line that stands in; empty: there is none
  std::string why;
};

// Reads a list in the format that its own header describes.
// Errors: SPORE_E_INVALID with the line's number. [any]
[[nodiscard]] spore::Result<std::vector<RequiredSymbol>> parse_required_symbols(std::string_view text);

// The list that was built into the program. [any]
[[nodiscard]] const std::vector<RequiredSymbol>& required_symbols();

// What surrounds the kernel and can stand in for a symbol.
struct Surroundings {
  std::string arch;
  std::set<std::string> initrd_modules; // names with '_', without .ko
  bool cmdline_may_stand_in = false;
};

struct Verdict {
  std::vector<std::string> problems;  // "CONFIG_X is not set (why)"; empty: accepted
  std::vector<std::string> stand_ins; // one sentence each
  std::string cmdline;                // what the host must add, separated by blanks
};

// [any] Never fails: what is wrong is in the verdict.
[[nodiscard]] Verdict check_symbols(const KernelConfig& config, const std::vector<RequiredSymbol>& required,
                                    const Surroundings& around);

} // namespace sporehost::kernel
