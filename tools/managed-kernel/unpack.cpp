#include "tools/managed-kernel/unpack.hpp"

#include "core/kernel/embedded_config.hpp"
#include "core/kernel/files.hpp"
#include "core/kernel/managed_kernel.hpp"
#include "core/kernel/sha256.hpp"
#include "core/loader/kernel_image.hpp"

namespace sporehost::kernel::supply {

using spore::Result;

Result<void> unpack_kernel(const std::filesystem::path& folder, const std::string& arch) {
  const std::filesystem::path image = find_image(folder);
  if (image.filename() != "bzImage") return {};
  SPORE_TRY(const loader::KernelImage kernel, loader::load_kernel(image.string(), loader_options(arch)));
  const loader::Bytes unpacked = kernel.decompressed.bytes();
  if (unpacked.empty()) return {};
  const std::string_view text(reinterpret_cast<const char*>(unpacked.data()), unpacked.size());
  SPORE_CHECK(write_file(folder / "vmlinux", text));
  SPORE_TRY(const std::string digests, read_file(folder / "sha256", kDigestListMax));
  return write_file(folder / "sha256", digests + sha256(text) + "  vmlinux\n");
}

} // namespace sporehost::kernel::supply
