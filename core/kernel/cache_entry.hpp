// One entry of the cache, with the initrd that goes with it: read and checked, never made.
#pragma once

#include <sporehost/result.hpp>

#include <filesystem>
#include <optional>
#include <string>

#include "core/kernel/managed_kernel.hpp"
#include "core/kernel/settings.hpp"
#include "core/kernel/source_facts.hpp"

namespace sporehost::kernel {

struct CacheEntry {
  SourceFacts source;
  std::string key;
  std::filesystem::path folder;
  std::string image_name; // for messages, while the folder has a temporary name; empty: the image's path
};

// Checks the entry as read_kernel_folder does, and the digest that its source demands. [main]
// Errors: those of read_kernel_folder; SPORE_E_NOT_FOUND where its initrd has yet to be made.
[[nodiscard]] spore::Result<ManagedKernel> read_entry(const KernelSettings& settings, const CacheEntry& entry,
                                                      Digests digests);

// Where the managed initrd of the entry lies or is to be made: initrd.cpio in its folder, or else
// <initrd_cache>/<key>-<agent>.cpio, where <agent> stands for this very agent file. Nothing where none lies there and
// none can be made, without an agent for that architecture or without scripts. [any]
[[nodiscard]] std::optional<std::filesystem::path> initrd_place(const KernelSettings& settings,
                                                                const CacheEntry& entry);

// The kernel that the configured sources have ready in the cache, where asking the cache is what comes first and its
// entry passes all checks. Nothing where that is not so, whatever the reason: the supplier finds it out. [main]
[[nodiscard]] std::optional<ManagedKernel> find_ready_entry(const KernelSettings& settings, Digests digests);

} // namespace sporehost::kernel
