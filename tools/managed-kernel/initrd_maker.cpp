#include "tools/managed-kernel/initrd_maker.hpp"

#include "core/kernel/files.hpp"
#include "tools/managed-kernel/script.hpp"

namespace sporehost::kernel::supply {

spore::Result<void> ensure_initrd(const KernelSettings& settings, const CacheEntry& entry, Progress& progress) {
  const auto place = initrd_place(settings, entry);
  std::error_code ignored;
  if (!place || std::filesystem::exists(*place, ignored)) return {};
  SPORE_CHECK(make_folders(settings.initrd_cache));
  progress.step("building the initrd " + place->string());
  SPORE_TRY(const ProgramEnd end,
            run_script(settings.scripts / "build-initrd", {"--kernel-dir", entry.folder.string(), "--agent",
                                                           settings.agent.string(), "--output", place->string()}));
  if (end.succeeded()) return {};
  return spore::fail(SPORE_E_IO, "scripts/build-initrd ended with " + end.how() + ": " + end.errors);
}

} // namespace sporehost::kernel::supply
