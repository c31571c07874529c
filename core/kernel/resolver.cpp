#include "core/kernel/resolver.hpp"

#include <unistd.h>

#include <algorithm>

#include "core/kernel/files.hpp"
#include "core/kernel/initrd_maker.hpp"
#include "core/kernel/kernel_cache.hpp"
#include "core/kernel/source.hpp"
#include "core/kernel/unpack.hpp"

namespace sporehost::kernel {

namespace fs = std::filesystem;
using spore::fail;
using spore::Result;

namespace {

constexpr auto kPatience = std::chrono::minutes(20); // with another resolver, which may be building a kernel

bool bad_goods(const spore::Error& error) {
  return error.status == SPORE_E_INVALID || error.status == SPORE_E_UNSUPPORTED || error.status == SPORE_E_RANGE;
}

class Resolver {
 public:
  Resolver(const KernelSettings& settings, Digests digests, Progress& progress)
      : settings_(settings), cache_(settings.cache, settings.arch), digests_(digests), progress_(progress) {}

  Result<ManagedKernel> run() {
    for (const std::string& name : settings_.sources) {
      auto found = name == "cache" ? try_cached() : try_fetch(name);
      if (!found) return found.error();
      if (!*found) continue;
      (*found)->notes = notes_;
      return std::move(**found);
    }
    std::string tried;
    for (const std::string& note : notes_) tried += "\n  " + note;
    return fail(SPORE_E_NOT_FOUND, "no source has a managed kernel for " + settings_.arch + ":" + tried +
                                       "\nput one of them in order, or name a kernel folder with kernel.directory or "
                                       "SPOREHOST_MANAGED_DIR");
  }

 private:
  using Found = Result<std::optional<ManagedKernel>>;

  // The sources that `cache` stands for.
  [[nodiscard]] std::vector<std::string> cached_names() const {
    std::vector<std::string> names;
    for (const std::string& name : settings_.sources)
      if (name != "cache") names.push_back(name);
    if (names.empty()) names = {"release", "distribution", "build"};
    return names;
  }

  [[nodiscard]] bool may_fetch(const std::string& name) const {
    return !settings_.offline &&
           std::find(settings_.sources.begin(), settings_.sources.end(), name) != settings_.sources.end();
  }

  Found try_cached() {
    for (const std::string& name : cached_names()) {
      const auto source = make_source(name, settings_);
      const auto key = cache_.find(source->key(), source->key_is_whole());
      if (!key) continue;
      auto kernel = check_entry(*source, *key);
      if (kernel) return std::optional(std::move(*kernel));
      // A damaged kernel is fetched again, and that is said; where it cannot be, the damage is the answer.
      if (!bad_goods(kernel.error()) || !may_fetch(name)) return kernel.error();
      notes_.push_back("cache: " + kernel.error().text);
      progress_.step(notes_.back() + "; fetching it again");
      SPORE_CHECK(cache_.discard(*key));
      return try_fetch(name);
    }
    notes_.push_back("cache: nothing in '" + cache_.folder().string() + "'");
    return std::optional<ManagedKernel>{};
  }

  Found try_fetch(const std::string& name) {
    const auto source = make_source(name, settings_);
    auto kernel = fetch(*source);
    if (kernel) return std::optional(std::move(*kernel));
    if (bad_goods(kernel.error())) return kernel.error();
    notes_.push_back(source->label() + ": " + kernel.error().text);
    progress_.step(notes_.back());
    return std::optional<ManagedKernel>{};
  }

  Result<ManagedKernel> check_entry(const KernelSource& source, const std::string& key) {
    return check(source, key, cache_.entry(key), digests_, {});
  }

  Result<ManagedKernel> check(const KernelSource& source, const std::string& key, const fs::path& folder,
                              Digests digests, const std::string& image_name) {
    FolderRequest request;
    request.folder = folder;
    request.arch = settings_.arch;
    request.source = source.label();
    request.image_name = image_name;
    request.cmdline_may_stand_in = source.cmdline_may_stand_in();
    request.digests = digests;
    request.stamps = cache_.stamps();
    SPORE_TRY(request.initrd, ensure_initrd(settings_, key, folder, progress_));
    SPORE_TRY(ManagedKernel kernel, read_kernel_folder(request));
    if (kernel.sha256.empty())
      return fail(SPORE_E_INVALID, "'" + folder.string() + "' has no digests; remove it and resolve again");
    const PackedImage fetched = kernel.packed.value_or(PackedImage{kernel.image, kernel.sha256});
    if (const std::string pin = source.pinned_sha256(); !pin.empty() && pin != fetched.sha256)
      return fail(SPORE_E_INVALID, "managed kernel '" + fetched.path + "' (" + kernel.source + ") has the SHA-256 " +
                                       fetched.sha256 + ", kernel.release.sha256 demands " + pin +
                                       "; correct the one that is wrong");
    return kernel;
  }

  Result<ManagedKernel> fetch(KernelSource& source) {
    SPORE_TRY(const std::string key, source.prepare(settings_.offline, progress_));
    SPORE_TRY(const UniqueFd lock, cache_.lock(key, kPatience, progress_));
    // Another resolver may have made it while we waited, or the package is the one that the cache has already.
    if (cache_.find(key, true))
      if (auto kernel = check_entry(source, key)) return kernel;
    SPORE_TRY(const fs::path partial, cache_.open_partial(key));
    std::error_code ignored;
    fs::remove(partial / "vmlinux", ignored); // of an earlier attempt, perhaps: it would hide what comes now
    SPORE_CHECK(source.fetch(partial, progress_));
    SPORE_CHECK(write_file(partial / "source", source.label() + "\n"));
    auto checked = check(source, key, partial, Digests::compute, source.image_name());
    if (!checked) {
      fs::remove_all(partial, ignored);
      return checked.error();
    }
    SPORE_CHECK(unpack_kernel(partial, settings_.arch));
    SPORE_CHECK(cache_.publish(key));
    return check(source, key, cache_.entry(key), Digests::known, {});
  }

  const KernelSettings& settings_;
  const KernelCache cache_;
  const Digests digests_;
  Progress& progress_;
  std::vector<std::string> notes_;
};

// The folders where a kernel may lie ready; the first that holds one counts.
std::vector<fs::path> ready_folders(const ResolveRequest& request, const KernelSettings& settings) {
  if (request.config.directory) return {*request.config.directory};
  if (const std::string folder = process_environment()("SPOREHOST_MANAGED_DIR"); !folder.empty()) return {folder};
  // Who configured sources wants them, and not what happens to lie around.
  if (!request.config.sources.empty() || !process_environment()("SPOREHOST_KERNEL_SOURCES").empty()) return {};
  std::vector<fs::path> folders;
  std::error_code ignored;
  if (const fs::path self = fs::read_symlink("/proc/self/exe", ignored); !self.empty()) {
    folders.push_back(self.parent_path().parent_path() / "managed" / settings.arch);
    folders.push_back(self.parent_path().parent_path() / "lib/sporehost/managed" / settings.arch);
  }
  if (!settings.cache.empty()) folders.push_back(settings.cache / "managed" / settings.arch);
  return folders;
}

bool folder_was_named(const ResolveRequest& request) {
  return request.config.directory || !process_environment()("SPOREHOST_MANAGED_DIR").empty();
}

} // namespace

Result<ManagedKernel> resolve_from_sources(const KernelSettings& settings, Digests digests, Progress& progress) {
  SPORE_CHECK(check_cache(settings));
  return Resolver(settings, digests, progress).run();
}

Result<ManagedKernel> resolve(const ResolveRequest& request, Progress* progress) {
  NoProgress silent;
  Progress& shown = progress == nullptr ? silent : *progress;
  SPORE_TRY(KernelSettings settings, kernel_settings(request.config, request.arch));
  settings.offline = settings.offline || request.offline;
  if (!request.source.empty()) {
    if (auto known = check_source_name(request.source); !known) return known.error().in("--source");
    settings.sources = {"cache"};
    if (request.source != "cache") settings.sources.push_back(request.source);
    return resolve_from_sources(settings, request.digests, shown);
  }
  for (const fs::path& folder : ready_folders(request, settings)) {
    if (find_image(folder).empty() && !folder_was_named(request)) continue;
    FolderRequest ready;
    ready.folder = folder;
    ready.arch = settings.arch;
    ready.cmdline_may_stand_in = true; // somebody put the folder there for this host
    ready.digests = request.digests;
    if (!settings.cache.empty()) ready.stamps = settings.cache / "verified";
    return read_kernel_folder(ready);
  }
  return resolve_from_sources(settings, request.digests, shown);
}

Result<ManagedKernel> find_managed_kernel(const ManagedKernelConfig& config) {
  ResolveRequest request;
  request.config = config;
  request.digests = Digests::compute_once;
  TerminalProgress progress(STDERR_FILENO);
  return resolve(request, &progress);
}

} // namespace sporehost::kernel
