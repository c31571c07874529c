// Puts kernels into the cache, and takes bad ones out.
//
// A kernel appears there whole or not at all: it is put together in .partial-<key>, which one resolver at a time may
// work on (a lock file, released by the kernel when its holder dies), written to disk, made read-only and renamed.
// scripts/ensure-managed-kernel keeps to the same locks.
#pragma once

#include <sporehost/result.hpp>

#include <chrono>

#include "core/base/unique_fd.hpp"
#include "core/kernel/kernel_cache.hpp"
#include "core/system/progress.hpp"

namespace sporehost::kernel::supply {

class CacheWriter {
 public:
  // `cache` outlives it.
  explicit CacheWriter(const KernelCache& cache) : cache_(cache) {}

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
  [[nodiscard]] std::filesystem::path partial(const std::string& key) const {
    return cache_.folder() / (".partial-" + key);
  }

  const KernelCache& cache_;
};

} // namespace sporehost::kernel::supply
