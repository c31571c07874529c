// The sources of kernels, as far as a reader of the cache knows them: what their entries are called, and what they are
// allowed. How a source gets its kernels is the supplier's business (tools/managed-kernel/source.hpp).
#pragma once

#include <string>
#include <vector>

#include "core/kernel/settings.hpp"

namespace sporehost::kernel {

struct SourceFacts {
  std::string name;  // "release", "distribution" or "build"
  std::string label; // for messages: "release buildkite/cleanroom-kernels v0.6.0"
  std::string key;   // the whole name of its entry, or the beginning that all of this source share
  bool key_is_whole = true;
  bool cmdline_may_stand_in = false; // its kernels may lack what the host's command line can stand in for
  std::string pinned_sha256;         // a digest that the kernel must have; empty: none was set
};

// `name` is release, distribution or build. [any]
[[nodiscard]] SourceFacts source_facts(const std::string& name, const KernelSettings& settings);

// The sources that `cache` stands for. [any]
[[nodiscard]] std::vector<std::string> cached_sources(const KernelSettings& settings);

} // namespace sporehost::kernel
