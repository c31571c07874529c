#include "core/planning/boot_check.hpp"

#include "core/base/size.hpp"
#include "core/board/board.hpp"
#include "core/loader/kernel_image.hpp"

namespace sporehost {
namespace {

using spore::fail;
using spore::Result;

constexpr uint32_t kLinuxCommandLine = 2047; // COMMAND_LINE_SIZE of both architectures, without its NUL
constexpr uint64_t kAnyMemory = 512 * kMiB;  // for a board of which only its words are asked

#if defined(__aarch64__)
constexpr loader::Arch kArch = loader::Arch::aarch64;
#else
constexpr loader::Arch kArch = loader::Arch::x86_64;
#endif

// Puts the place before a message; what the command line or the environment says has none.
Result<void> at_place(const Result<void>& checked, const MachineConfig& config, Position at) {
  if (checked || at.line == 0) return checked;
  return checked.error().in(format_position(config.file, at));
}

Result<void> check_size(const MachineConfig& config) {
  if (!config.memory.size) return {};
  const auto board = make_board(*config.memory.size, 0, kMostAddressBits);
  return board ? Result<void>{} : Result<void>{board.error()};
}

bool is_own(const Artifact& artifact) {
  return artifact.origin != ArtifactOrigin::managed && artifact.origin != ArtifactOrigin::none;
}

// The longest command line that the kernel takes. The managed one's is Linux' own.
Result<uint32_t> cmdline_limit(const MachineConfig& config) {
  if (!is_own(config.boot.kernel)) return kLinuxCommandLine;
  loader::KernelOptions options;
  options.arch = kArch;
  options.decompress = false;
  SPORE_TRY(const loader::KernelImage kernel, loader::load_kernel(config.boot.kernel.path.string(), options));
  return kernel.cmdline_limit();
}

Result<void> check_cmdline(const MachineConfig& config, uint32_t limit) {
  SPORE_TRY(const auto board, make_board(kAnyMemory, 0, kMostAddressBits));
  const size_t bytes = board->usual_cmdline(Discovery::tables).size() + 1 + config.boot.cmdline.size();
  if (bytes <= limit) return {};
  return fail(SPORE_E_RANGE, "'boot.cmdline': with what every guest is told the kernel's command line has " +
                                 std::to_string(bytes) + " bytes or more, this kernel takes " + std::to_string(limit) +
                                 "; shorten it");
}

Result<void> check_initrd(const MachineConfig& config) {
  const auto file = loader::ImageFile::open(config.boot.initrd.path.string(), "initrd");
  return file ? Result<void>{} : Result<void>{file.error()};
}

} // namespace

Result<void> check_boot(const MachineConfig& config) {
  SPORE_CHECK(at_place(check_size(config), config, config.memory.size_at));
  const auto limit = cmdline_limit(config);
  if (!limit) return at_place(limit.error(), config, config.boot.kernel.at);
  SPORE_CHECK(at_place(check_cmdline(config, *limit), config, config.boot.cmdline_at));
  if (!is_own(config.boot.initrd)) return {};
  return at_place(check_initrd(config), config, config.boot.initrd.at);
}

} // namespace sporehost
