// The managed kernel: a kernel that the host vouches for. Its source is known, its digest and configuration are
// checked.
//
// A kernel folder holds
//   vmlinux, vmlinuz, bzImage or Image   the first of these that is there is the kernel; a cached bzImage has its
//                  vmlinux beside it (tools/managed-kernel/unpack.hpp)
//   config         its configuration; may be absent where the kernel carries it inside (CONFIG_IKCONFIG)
//   release        as uname -r would say it
//   sha256         digests of kernel and configuration, as sha256sum writes them; present in every cached kernel
//   source         one line: where it came from
//   initrd.cpio    the managed initrd, where one lies beside it
#pragma once

#include <sporehost/result.hpp>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/config/machine_config.hpp"
#include "core/kernel/kernel_config.hpp"

namespace sporehost::kernel {

// The file `sha256` of a kernel folder is no larger.
inline constexpr size_t kDigestListMax = 65536;

// The image that a kernel folder's vmlinux was unpacked from.
struct PackedImage {
  std::string path;
  std::string sha256;
};

struct ManagedKernel {
  std::string arch;                   // x86_64 or arm64
  std::string source;                 // "release buildkite/cleanroom-kernels v0.6.0"
  std::filesystem::path directory;    // the kernel folder
  std::string image;                  // path of the kernel
  std::string sha256;                 // of the image; empty where the folder has no digests
  std::optional<PackedImage> packed;  // where the folder has it, and its digest
  std::optional<std::string> initrd;  // path of the managed initrd, if there is one
  std::string release;                // "6.1.0-50-cloud-amd64"
  KernelConfig config;                // the verified configuration: discovery and console are chosen from it
  bool can_grow = false;              // always true for an accepted kernel
  std::vector<std::string> stand_ins; // what stood in for what, one sentence each
  std::string cmdline;                // what the kernel needs on its command line for that
  std::vector<std::string> notes;     // what else happened on the way: sources that were not available, repairs
};

// How much of the digests is computed anew.
enum class Digests {
  compute,      // every byte
  compute_once, // not where a stamp says that this very file, unchanged, had the digest before (see verify_cache.hpp)
  known         // computed a moment ago by the caller
};

struct FolderRequest {
  std::filesystem::path folder;
  std::string arch;
  std::string source;                // empty: what the file `source` says, or the folder
  std::string image_name;            // for messages, where the folder is a temporary one; empty: the image's path
  std::optional<std::string> initrd; // empty: initrd.cpio of the folder, if it is there
  bool cmdline_may_stand_in = false;
  Digests digests = Digests::compute;
  std::filesystem::path stamps; // where stamps are kept; empty: none
};

// The folder's kernel, without a look at anything; empty where there is none. [any]
[[nodiscard]] std::string find_image(const std::filesystem::path& folder);

// Reads and checks a kernel folder: digests, kind of image, architecture, required symbols. [main]
// Errors: SPORE_E_NOT_FOUND no kernel or configuration; SPORE_E_INVALID a digest is wrong or a file is damaged;
// SPORE_E_UNSUPPORTED a symbol is missing. Each text names kernel, source, what is wrong and what to do.
[[nodiscard]] spore::Result<ManagedKernel> read_kernel_folder(const FolderRequest& request);

// For a machine that says `boot.kernel: managed`. Looks in `directory` of the machine description, or else in
// SPOREHOST_MANAGED_DIR, or else, unless sources are configured, in managed/<arch> beside the program's folder and in
// the cache; where no kernel lies ready, the supplier (supplier.hpp) gets one from the configured sources, with
// progress on a terminal. [main], one at a time
[[nodiscard]] spore::Result<ManagedKernel> find_managed_kernel(const ManagedKernelConfig& config);

// For people: some lines `what: value`. [any]
[[nodiscard]] std::string describe(const ManagedKernel& kernel);
// The same as one JSON object. [any]
[[nodiscard]] std::string describe_json(const ManagedKernel& kernel);

} // namespace sporehost::kernel
