// Where managed kernels come from: the machine description's section `kernel:`, what the environment changes in it, and
// the defaults. docs/managed-kernel.md lists the keys and the variables.
#pragma once

#include <sporehost/result.hpp>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/config/machine_config.hpp"

namespace sporehost::kernel {

// Files of a release: BASE_URL/REPOSITORY/releases/download/TAG/sporevm-ARCH-linux-VERSION-Image|bzImage, and the same
// with .sha256 and .config behind.
struct ReleaseSettings {
  std::string base_url = "https://github.com";
  std::string repository = "buildkite/cleanroom-kernels";
  std::string tag = "v0.6.0";
  std::string version = "6.1.155";
  // The digest that the kernel must have, whatever the release says. Empty: the one published beside the kernel counts,
  // which shows damage and later change, but not that somebody replaced both at their origin.
  std::string sha256;
};

struct KernelSettings {
  std::string arch;                                                              // x86_64 or arm64
  std::vector<std::string> sources{"cache", "release", "distribution", "build"}; // in this order
  bool offline = false;                                                          // nothing is fetched
  std::filesystem::path cache;        // the project's cache folder; empty: nobody says where (check_cache)
  std::filesystem::path initrd_cache; // where built initrds are kept
  std::filesystem::path agent;        // the guest agent; empty: none is here
  std::filesystem::path scripts;      // the project's scripts; empty: not here
  ReleaseSettings release;
  std::string flavour = "noacpi"; // of the source build
  std::filesystem::path ca_file;  // certificates that a download trusts beside the system's; empty: none
  std::filesystem::path supplier; // the program that gets kernels (supplier.hpp); empty: none is here
};

// The value of an environment variable; empty where it is not set. [any]
using Variables = std::function<std::string(const char* name)>;
[[nodiscard]] Variables process_environment();

// This machine's architecture, as the project calls it. [any]
[[nodiscard]] const char* host_arch();

// Environment before file before defaults. `arch` empty: this machine's.
// Errors: SPORE_E_INVALID with the key or variable and its value. [main]
[[nodiscard]] spore::Result<KernelSettings> kernel_settings(const ManagedKernelConfig& config, const std::string& arch,
                                                            const Variables& variables = process_environment());

// For whoever cannot do without the cache. SPORE_E_NOT_FOUND: what to set. [any]
[[nodiscard]] spore::Result<void> check_cache(const KernelSettings& settings);

// Rules for values that come from outside after that, such as --source. [any]
[[nodiscard]] spore::Result<void> check_source_name(const std::string& name);

} // namespace sporehost::kernel
