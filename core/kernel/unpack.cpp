#include "core/kernel/unpack.hpp"

#include "core/kernel/embedded_config.hpp"
#include "core/kernel/files.hpp"
#include "core/kernel/managed_kernel.hpp"
#include "core/kernel/sha256.hpp"
#include "core/loader/kernel_image.hpp"

namespace sporehost::kernel {

using spore::Result;

Result<void> unpack_kernel(const std::filesystem::path& folder, const std::string& arch) {
  SPORE_TRY(const loader::KernelImage kernel, loader::load_kernel(find_image(folder), loader_options(arch)));
  const loader::Bytes unpacked = kernel.decompressed.bytes();
  if (kernel.kind != loader::KernelKind::bzimage || unpacked.empty()) return {};
  const std::string_view text(reinterpret_cast<const char*>(unpacked.data()), unpacked.size());
  SPORE_CHECK(write_file(folder / "vmlinux", text));
  SPORE_TRY(const std::string digests, read_file(folder / "sha256", kDigestListMax));
  return write_file(folder / "sha256", digests + sha256(text) + "  vmlinux\n");
}

} // namespace sporehost::kernel
