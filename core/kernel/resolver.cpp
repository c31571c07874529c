#include "core/kernel/resolver.hpp"

#include "core/kernel/cache_entry.hpp"
#include "core/kernel/installation.hpp"
#include "core/kernel/kernel_cache.hpp"
#include "core/kernel/supplier.hpp"

namespace sporehost::kernel {

namespace fs = std::filesystem;
using spore::Result;

namespace {

// The folders where a kernel may lie ready; the first that holds one counts.
std::vector<fs::path> ready_folders(const ResolveRequest& request, const KernelSettings& settings) {
  if (request.config.directory) return {*request.config.directory};
  if (const std::string folder = process_environment()("SPOREHOST_MANAGED_DIR"); !folder.empty()) return {folder};
  // Who configured sources wants them, and not what happens to lie around.
  if (!request.config.sources.empty() || !process_environment()("SPOREHOST_KERNEL_SOURCES").empty()) return {};
  std::vector<fs::path> folders;
  if (const fs::path here = program_folder(); !here.empty()) {
    folders.push_back(here.parent_path() / "managed" / settings.arch);
    folders.push_back(here.parent_path() / "lib/sporehost/managed" / settings.arch);
  }
  if (!settings.cache.empty()) folders.push_back(settings.cache / "managed" / settings.arch);
  return folders;
}

bool folder_was_named(const ResolveRequest& request) {
  return request.config.directory || !process_environment()("SPOREHOST_MANAGED_DIR").empty();
}

} // namespace

Result<ManagedKernel> resolve_from_sources(const KernelSettings& settings, Digests digests) {
  if (auto ready = find_ready_entry(settings, digests)) return std::move(*ready);
  SPORE_CHECK(check_cache(settings));
  SPORE_TRY(SupplyAnswer answer, ask_supplier({settings, digests}));
  const fs::path folder = KernelCache(settings.cache, settings.arch).entry(answer.key);
  SPORE_TRY(ManagedKernel kernel,
            read_entry(settings, {source_facts(answer.source, settings), answer.key, folder, {}}, digests));
  kernel.notes = std::move(answer.notes);
  return kernel;
}

Result<ManagedKernel> resolve(const ResolveRequest& request) {
  SPORE_TRY(KernelSettings settings, kernel_settings(request.config, request.arch));
  settings.offline = settings.offline || request.offline;
  if (!request.source.empty()) {
    if (auto known = check_source_name(request.source); !known) return known.error().in("--source");
    settings.sources = {"cache"};
    if (request.source != "cache") settings.sources.push_back(request.source);
    return resolve_from_sources(settings, request.digests);
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
  return resolve_from_sources(settings, request.digests);
}

Result<ManagedKernel> find_managed_kernel(const ManagedKernelConfig& config) {
  ResolveRequest request;
  request.config = config;
  request.digests = Digests::compute_once;
  return resolve(request);
}

} // namespace sporehost::kernel
