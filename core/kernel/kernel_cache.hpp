// The cache of accepted kernels: <cache>/managed/<arch>/<key>/, one kernel folder each.
//
// A kernel appears there whole or not at all (tools/managed-kernel/cache_writer.hpp). scripts/ensure-managed-kernel
// keeps to the same layout.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace sporehost::kernel {

class KernelCache {
 public:
  KernelCache(const std::filesystem::path& cache, const std::string& arch)
      : folder_(cache / "managed" / arch), stamps_(cache / "verified") {}

  [[nodiscard]] std::filesystem::path entry(const std::string& key) const { return folder_ / key; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] const std::filesystem::path& stamps() const { return stamps_; }

  // The entry with that key; where the key is not whole, the newest one whose key begins with it. [main]
  [[nodiscard]] std::optional<std::string> find(const std::string& key, bool whole) const;

 private:
  std::filesystem::path folder_;
  std::filesystem::path stamps_;
};

} // namespace sporehost::kernel
