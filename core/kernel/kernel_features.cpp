#include "core/kernel/kernel_features.hpp"

#include <utility>

#include "core/loader/ikconfig.hpp"
#include "core/loader/kernel_traits.hpp"

namespace sporehost::kernel {

namespace fs = std::filesystem;

namespace {

KernelFeatures features_of(const loader::KernelTraits& traits, loader::Arch arch) {
  KernelFeatures features;
  features.told_by = "the texts in its image (Linux " + (traits.release.empty() ? "?" : traits.release) + ")";
  if (arch == loader::Arch::aarch64) { // the device tree tells it all it needs but for the console's name
    features.serial_driver = traits.serial_pl011;
    return features;
  }
  features.acpi = traits.acpi;
  features.pci = traits.pci;
  features.mmio_cmdline = traits.mmio_cmdline;
  features.serial_driver = traits.serial_8250;
  return features;
}

std::optional<KernelConfig> config_inside(loader::Bytes vmlinux) {
  const auto text = loader::find_ikconfig(vmlinux);
  if (!text || !*text) return std::nullopt;
  KernelConfig config = KernelConfig::parse(**text);
  return config.empty() ? std::nullopt : std::optional(std::move(config));
}

} // namespace

KernelFeatures features_of(const KernelConfig& config, std::string_view serial_symbol, std::string told_by) {
  return {.acpi = config.built_in("CONFIG_ACPI"),
          .pci = config.built_in("CONFIG_PCI"),
          .mmio_cmdline = config.built_in("CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES"),
          .serial_driver = config.built_in(serial_symbol),
          .told_by = std::move(told_by)};
}

KernelFeatures find_features(const loader::KernelImage& image, const fs::path& path, std::string_view serial_symbol) {
  if (const auto config = config_inside(image.vmlinux))
    return features_of(*config, serial_symbol, "the configuration inside it (CONFIG_IKCONFIG)");
  if (const loader::KernelTraits traits = loader::read_kernel_traits(image.vmlinux); traits.is_linux)
    return features_of(traits, image.arch);
  for (const fs::path& file : config_files_beside(path)) {
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored)) continue;
    const auto config = KernelConfig::load(file);
    if (config && !config->empty()) return features_of(*config, serial_symbol, "'" + file.string() + "' beside it");
  }
  KernelFeatures nothing;
  nothing.told_by = "nothing";
  return nothing;
}

std::vector<fs::path> config_files_beside(const fs::path& kernel) {
  const fs::path folder = kernel.parent_path();
  const std::string name = kernel.filename().string();
  std::vector<fs::path> files{folder / (name + ".config")};
  if (const size_t dash = name.find('-'); dash != std::string::npos)
    files.push_back(folder / ("config" + name.substr(dash)));
  files.push_back(folder / "config");
  files.push_back(folder / ".config");
  if (folder.filename() == "boot") files.push_back(folder / "../../../.config");
  return files;
}

} // namespace sporehost::kernel
