#include "tools/managed-kernel/unpack.hpp"

#include "core/kernel/embedded_config.hpp"
#include "core/kernel/files.hpp"
#include "core/kernel/managed_kernel.hpp"
#include "core/kernel/sha256.hpp"
#include "core/loader/kernel_image.hpp"

namespace sporehost::kernel::supply {

namespace fs = std::filesystem;
using spore::Result;

namespace {

Result<void> add_file(const fs::path& folder, const char* name, std::string_view content) {
  SPORE_CHECK(write_file(folder / name, content));
  SPORE_TRY(const std::string digests, read_file(folder / "sha256", kDigestListMax));
  return write_file(folder / "sha256", digests + sha256(content) + "  " + name + "\n");
}

} // namespace

Result<void> unpack_kernel(const fs::path& folder, const std::string& arch) {
  const fs::path image = find_image(folder);
  std::error_code ignored;
  const bool wants_config = !fs::exists(folder / "config", ignored);
  if (!wants_config && image.filename() != "bzImage") return {};
  SPORE_TRY(const loader::KernelImage kernel, loader::load_kernel(image.string(), loader_options(arch)));
  if (wants_config) {
    SPORE_TRY(const auto config, embedded_config(kernel));
    if (config) SPORE_CHECK(add_file(folder, "config", *config));
  }
  const loader::Bytes unpacked = kernel.decompressed.bytes();
  if (image.filename() != "bzImage" || unpacked.empty()) return {};
  return add_file(folder, "vmlinux", {reinterpret_cast<const char*>(unpacked.data()), unpacked.size()});
}

} // namespace sporehost::kernel::supply
