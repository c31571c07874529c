#include "core/kernel/managed_kernel.hpp"

#include <array>
#include <cstdlib>
#include <fstream>

namespace sporehost::kernel {
namespace {

namespace fs = std::filesystem;
using spore::fail;
using spore::Result;

#if defined(__x86_64__)
constexpr const char* kArch = "x86_64";
#else
constexpr const char* kArch = "arm64";
#endif

std::vector<fs::path> search_folders(const ManagedKernelConfig& config) {
  if (config.directory) return {*config.directory};
  std::vector<fs::path> folders;
  if (const char* dir = std::getenv("SPOREHOST_MANAGED_DIR"); dir != nullptr && *dir != '\0') return {fs::path(dir)};
  std::error_code ignored;
  if (const fs::path self = fs::read_symlink("/proc/self/exe", ignored); !self.empty()) {
    folders.push_back(self.parent_path().parent_path() / "managed" / kArch);
    folders.push_back(self.parent_path().parent_path() / "lib/sporehost/managed" / kArch);
  }
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0')
    folders.push_back(fs::path(cache) / "sporehost/managed" / kArch);
  else if (const char* home = std::getenv("HOME"); home != nullptr)
    folders.push_back(fs::path(home) / ".cache/sporehost/managed" / kArch);
  return folders;
}

std::string join(const std::vector<fs::path>& folders) {
  std::string text;
  for (const fs::path& folder : folders) text += (text.empty() ? "" : ", ") + folder.string();
  return text;
}

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

} // namespace

Result<void> check_managed_kernel(ManagedKernel& kernel) {
  // CONFIG_VIRTIO_MEM may be a module that the managed initrd carries; the rest is the kernel's own or not there.
  constexpr std::array required = {"CONFIG_MEMORY_HOTPLUG", "CONFIG_MEMORY_HOTREMOVE", "CONFIG_CONTIG_ALLOC",
                                   "CONFIG_EXCLUSIVE_SYSTEM_RAM"};
  const auto missing = [&](const std::string& symbol) {
    return fail(SPORE_E_UNSUPPORTED, "managed kernel '" + kernel.image + "' lacks " + symbol +
                                         ", so its memory cannot grow; use another managed kernel, or name this one as "
                                         "boot.kernel to run it with fixed memory");
  };
  for (const char* symbol : required)
    if (!kernel.config.built_in(symbol)) return missing(symbol);
  if (!kernel.config.enabled("CONFIG_VIRTIO_MEM")) return missing("CONFIG_VIRTIO_MEM");
  if (!kernel.config.built_in("CONFIG_VIRTIO_MEM")) {
    if (!kernel.initrd) return missing("CONFIG_VIRTIO_MEM=y, and there is no managed initrd to carry the module");
    kernel.stand_ins.emplace_back("the module in the managed initrd stands in for CONFIG_VIRTIO_MEM=y");
  }
  if (!kernel.config.built_in("CONFIG_MEMORY_HOTPLUG_DEFAULT_ONLINE")) {
    kernel.cmdline = "memhp_default_state=online";
    kernel.stand_ins.emplace_back(
        "memhp_default_state=online on the command line stands in for CONFIG_MEMORY_HOTPLUG_DEFAULT_ONLINE");
  }
  kernel.can_grow = true;
  return {};
}

Result<ManagedKernel> find_managed_kernel(const ManagedKernelConfig& config) {
  const auto folders = search_folders(config);
  for (const fs::path& folder : folders) {
    std::error_code ignored;
    ManagedKernel kernel;
    kernel.directory = folder;
    for (const char* name : {"vmlinux", "vmlinuz", "Image"})
      if (kernel.image.empty() && fs::exists(folder / name, ignored)) kernel.image = (folder / name).string();
    if (kernel.image.empty()) continue;
    if (fs::exists(folder / "initrd.cpio", ignored)) kernel.initrd = (folder / "initrd.cpio").string();
    kernel.release = first_line(folder / "release");
    SPORE_TRY(kernel.config, KernelConfig::load(folder / "config"));
    SPORE_CHECK(check_managed_kernel(kernel));
    return kernel;
  }
  return fail(SPORE_E_NOT_FOUND, "no managed kernel is here (looked in " + join(folders) +
                                     "); scripts/quickstart puts one there, kernel.directory in the machine "
                                     "description or SPOREHOST_MANAGED_DIR names another folder");
}

} // namespace sporehost::kernel
