// Where a managed kernel can come from. Each source fills a kernel folder (managed_kernel.hpp) of the cache.
#pragma once

#include <sporehost/result.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "core/kernel/progress.hpp"
#include "core/kernel/settings.hpp"

namespace sporehost::kernel {

class KernelSource {
 public:
  virtual ~KernelSource() = default;

  // "release", "distribution" or "build".
  [[nodiscard]] virtual std::string name() const = 0;
  // For messages: "release buildkite/cleanroom-kernels v0.6.0".
  [[nodiscard]] virtual std::string label() const = 0;
  // For messages about the kernel while its folder has a temporary name; empty: the folder says enough.
  [[nodiscard]] virtual std::string image_name() const { return {}; }
  // Whether its kernels may lack what the host's command line can stand in for.
  [[nodiscard]] virtual bool cmdline_may_stand_in() const { return false; }
  // A digest that the kernel must have; empty: none was set.
  [[nodiscard]] virtual std::string pinned_sha256() const { return {}; }

  // The key of an accepted kernel: the whole name of its folder, or the beginning shared by all of this source.
  [[nodiscard]] virtual std::string key() const = 0;
  [[nodiscard]] virtual bool key_is_whole() const = 0;

  // The whole key of the kernel that fetch() will put into the cache. May take long (a package, a build). [main]
  // Errors: SPORE_E_NOT_FOUND, SPORE_E_IO and the like where the source is not available.
  [[nodiscard]] virtual spore::Result<std::string> prepare(bool offline, Progress& progress) = 0;

  // Fills `folder`: image, config (where there is one), release, and sha256 with the digests of image and config.
  // `folder` may hold what an earlier attempt, killed half way, left. After prepare(). [main]
  // Errors: as prepare(); SPORE_E_INVALID, SPORE_E_UNSUPPORTED and SPORE_E_RANGE for goods that are bad.
  [[nodiscard]] virtual spore::Result<void> fetch(const std::filesystem::path& folder, Progress& progress) = 0;
};

// `name` is release, distribution or build; the settings must outlive the source.
[[nodiscard]] std::unique_ptr<KernelSource> make_source(const std::string& name, const KernelSettings& settings);
[[nodiscard]] std::unique_ptr<KernelSource> make_release_source(const KernelSettings& settings);
[[nodiscard]] std::unique_ptr<KernelSource> make_script_source(const std::string& name, const KernelSettings& settings);

} // namespace sporehost::kernel
