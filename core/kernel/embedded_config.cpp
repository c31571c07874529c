#include "core/kernel/embedded_config.hpp"

#include "core/loader/ikconfig.hpp"

namespace sporehost::kernel {

using spore::Result;

loader::KernelOptions loader_options(const std::string& arch) {
  loader::KernelOptions options;
  options.arch = arch == "arm64" ? loader::Arch::aarch64 : loader::Arch::x86_64;
  return options;
}

Result<std::optional<std::string>> embedded_config(const loader::KernelImage& kernel) {
  // An arm64 Image is not compressed: the file itself is what to search.
  auto text = loader::find_ikconfig(kernel.vmlinux.empty() ? kernel.file.bytes() : kernel.vmlinux);
  if (!text) return text.error().in(kernel.file.name());
  return std::move(*text);
}

} // namespace sporehost::kernel
