#include "core/kernel/initrd_maker.hpp"

#include <elf.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/kernel/files.hpp"
#include "core/kernel/script.hpp"
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
  return std::memcmp(head.data(), ELFMAG, SELFMAG) == 0 && machine == (arch == "arm64" ? EM_AARCH64 : EM_X86_64);
}

} // namespace

Result<std::optional<std::string>> ensure_initrd(const KernelSettings& settings, const std::string& key,
                                                 const fs::path& kernel_folder, Progress& progress) {
  std::error_code ignored;
  if (const fs::path beside = kernel_folder / "initrd.cpio"; fs::exists(beside, ignored))
    return std::optional(beside.string());
  struct stat status {};
  if (settings.agent.empty() || settings.scripts.empty() || ::stat(settings.agent.c_str(), &status) != 0 ||
      !is_for(settings.agent, settings.arch))
    return std::optional<std::string>{};
  const std::string agent = std::to_string(status.st_ino) + ":" + std::to_string(status.st_size) + ":" +
                            std::to_string(status.st_mtim.tv_sec);
  const fs::path path = settings.initrd_cache / (key + "-" + sha256(agent).substr(0, 16) + ".cpio");
  if (fs::exists(path, ignored)) return std::optional(path.string());
  SPORE_CHECK(make_folders(settings.initrd_cache));
  progress.step("building the initrd " + path.string());
  SPORE_TRY(const ScriptOutcome outcome, run_script(settings.scripts / "build-initrd",
                                                    {"--kernel-dir", kernel_folder.string(), "--agent",
                                                     settings.agent.string(), "--output", path.string()},
                                                    {}, true));
  if (outcome.status != 0)
    return fail(SPORE_E_IO,
                "scripts/build-initrd ended with status " + std::to_string(outcome.status) + ": " + outcome.errors);
  return std::optional(path.string());
}

} // namespace sporehost::kernel
