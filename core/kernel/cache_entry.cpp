#include "core/kernel/cache_entry.hpp"

#include <sys/stat.h>

#include <array>
#include <cstring>
#include <fstream>

#include "core/base/elf_types.hpp"
#include "core/kernel/kernel_cache.hpp"
#include "core/kernel/sha256.hpp"

namespace sporehost::kernel {

namespace fs = std::filesystem;
using spore::fail;
using spore::Result;

namespace {

// Whether the agent can run on such a kernel.
bool is_for(const fs::path& agent, const std::string& arch) {
  std::array<char, 20> head{};
  std::ifstream file(agent, std::ios::binary);
  file.read(head.data(), head.size());
  const uint16_t machine = static_cast<uint8_t>(head[18]) | static_cast<uint16_t>(static_cast<uint8_t>(head[19]) << 8);
  return std::string_view(head.data(), elf::kMagic.size()) == elf::kMagic &&
         machine == (arch == "arm64" ? elf::kAarch64 : elf::kX86_64);
}

} // namespace

std::optional<fs::path> initrd_place(const KernelSettings& settings, const CacheEntry& entry) {
  std::error_code ignored;
  if (fs::path beside = entry.folder / "initrd.cpio"; fs::exists(beside, ignored)) return beside;
  struct stat status {};
  if (settings.agent.empty() || settings.scripts.empty() || ::stat(settings.agent.c_str(), &status) != 0 ||
      !is_for(settings.agent, settings.arch))
    return std::nullopt;
  const std::string agent =
      std::to_string(status.st_ino) + ":" + std::to_string(status.st_size) + ":" + std::to_string(status.st_mtime);
  return settings.initrd_cache / (entry.key + "-" + sha256(agent).substr(0, 16) + ".cpio");
}

Result<ManagedKernel> read_entry(const KernelSettings& settings, const CacheEntry& entry, Digests digests) {
  FolderRequest request;
  request.folder = entry.folder;
  request.arch = settings.arch;
  request.source = entry.source.label;
  request.image_name = entry.image_name;
  request.cmdline_may_stand_in = entry.source.cmdline_may_stand_in;
  request.digests = digests;
  request.stamps = KernelCache(settings.cache, settings.arch).stamps();
  if (const auto initrd = initrd_place(settings, entry)) {
    std::error_code ignored;
    if (!fs::exists(*initrd, ignored))
      return fail(SPORE_E_NOT_FOUND, "the initrd '" + initrd->string() + "' has yet to be made");
    request.initrd = initrd->string();
  }
  SPORE_TRY(ManagedKernel kernel, read_kernel_folder(request));
  if (kernel.sha256.empty())
    return fail(SPORE_E_INVALID, "'" + entry.folder.string() + "' has no digests; remove it and resolve again");
  const PackedImage fetched = kernel.packed.value_or(PackedImage{kernel.image, kernel.sha256});
  if (const std::string& pin = entry.source.pinned_sha256; !pin.empty() && pin != fetched.sha256)
    return fail(SPORE_E_INVALID, "managed kernel '" + fetched.path + "' (" + kernel.source + ") has the SHA-256 " +
                                     fetched.sha256 + ", kernel.release.sha256 demands " + pin +
                                     "; correct the one that is wrong");
  return kernel;
}

std::optional<ManagedKernel> find_ready_entry(const KernelSettings& settings, Digests digests) {
  if (settings.sources.empty() || settings.sources.front() != "cache" || settings.cache.empty()) return std::nullopt;
  const KernelCache cache(settings.cache, settings.arch);
  for (const std::string& name : cached_sources(settings)) {
    const SourceFacts source = source_facts(name, settings);
    const auto key = cache.find(source.key, source.key_is_whole);
    if (!key) continue;
    auto kernel = read_entry(settings, {source, *key, cache.entry(*key), {}}, digests);
    return kernel ? std::optional(std::move(*kernel)) : std::nullopt;
  }
  return std::nullopt;
}

} // namespace sporehost::kernel
