// The cache of accepted kernels: <cache>/managed/<arch>/<key>/, one kernel folder each.
//
// A kernel appears there whole or not at all: it is put together in .partial-<key>, which one resolver at a time may
// work on (a lock file, released by the kernel when its holder dies), written to disk, made read-only and renamed.
// scripts/ensure-managed-kernel keeps to the same layout and the same locks.
#pragma once

#include <sporehost/result.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "core/base/unique_fd.hpp"
#include "core/kernel/progress.hpp"

namespace sporehost::kernel {

class KernelCache {
 public:
  KernelCache(const std::filesystem::path& cache, const std::string& arch)
      : folder_(cache / "managed" / arch), stamps_(cache / "verified") {}

  [[nodiscard]] std::filesystem::path entry(const std::string& key) const { return folder_ / key; }
  [[nodiscard]] std::filesystem::path partial(const std::string& key) const { return folder_ / (".partial-" + key); }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] const std::filesystem::path& stamps() const { return stamps_; }

  // The entry with that key; where the key is not whole, the newest one whose key begins with it. [main]
  [[nodiscard]] std::optional<std::string> find(const std::string& key, bool whole) const;

  // The right to make this entry, until the descriptor is closed. Waits for another resolver, at most `patience`.
  // [main] Errors: SPORE_E_BUSY after that; SPORE_E_PERMISSION and the like where the cache cannot be written.
  [[nodiscard]] spore::Result<UniqueFd> lock(const std::string& key, std::chrono::milliseconds patience,
                                             Progress& progress) const;

  // The folder to work in, with what a killed resolver left there. Only with the lock. [main]
  [[nodiscard]] spore::Result<std::filesystem::path> open_partial(const std::string& key) const;

  // Makes the partial folder the entry; an older entry of that key goes. Only with the lock. [main]
  [[nodiscard]] spore::Result<void> publish(const std::string& key) const;

  // Takes a bad entry away. Errors: SPORE_E_PERMISSION and the like. [main]
  [[nodiscard]] spore::Result<void> discard(const std::string& key) const;

 private:
  std::filesystem::path folder_;
  std::filesystem::path stamps_;
};

} // namespace sporehost::kernel
