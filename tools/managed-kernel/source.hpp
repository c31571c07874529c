// How the sources of managed kernels get them. Each fills a kernel folder (core/kernel/managed_kernel.hpp) of the
// cache.
#pragma once

#include <sporehost/result.hpp>

#include <filesystem>
#include <memory>
#include <string>

#include "core/kernel/source_facts.hpp"
#include "core/system/progress.hpp"
#include "tools/managed-kernel/http.hpp"

namespace sporehost::kernel::supply {

class KernelSource {
 public:
  virtual ~KernelSource() = default;

  explicit KernelSource(SourceFacts facts) : facts_(std::move(facts)) {}
  [[nodiscard]] const SourceFacts& facts() const { return facts_; }

  // For messages about the kernel while its folder has a temporary name; empty: the folder says enough.
  [[nodiscard]] virtual std::string image_name() const { return {}; }
  // The whole key of the kernel that fetch() will put into the cache. May take long (a package, a build). [main]
  // Errors: SPORE_E_NOT_FOUND, SPORE_E_IO and the like where the source is not available.
  [[nodiscard]] virtual spore::Result<std::string> prepare(bool offline, Progress& progress) = 0;

  // Fills `folder`: image, config (where there is one), release, and sha256 with the digests of image and config.
  // `folder` may hold what an earlier attempt, killed half way, left. After prepare(). [main]
  // Errors: as prepare(); SPORE_E_INVALID, SPORE_E_UNSUPPORTED and SPORE_E_RANGE for goods that are bad.
  [[nodiscard]] virtual spore::Result<void> fetch(const std::filesystem::path& folder, Progress& progress) = 0;

 private:
  const SourceFacts facts_;
};

// `name` is release, distribution or build; settings and options must outlive the source.
[[nodiscard]] std::unique_ptr<KernelSource> make_source(const std::string& name, const KernelSettings& settings,
                                                        const HttpOptions& http);
[[nodiscard]] std::unique_ptr<KernelSource> make_release_source(const KernelSettings& settings,
                                                                const HttpOptions& http);
[[nodiscard]] std::unique_ptr<KernelSource> make_script_source(const std::string& name, const KernelSettings& settings);

} // namespace sporehost::kernel::supply
