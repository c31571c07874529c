// What a machine must know of its kernel before it can say where the devices are: whether it reads ACPI tables, takes
// devices from its command line, and has a driver for the board's serial port.
//
// Of a managed kernel the verified configuration tells. A kernel of the user's own is asked itself, and what cannot be
// mistaken comes first: the configuration inside it (CONFIG_IKCONFIG), then the texts in its image
// (loader/kernel_traits.hpp). Only of an image that the host cannot read (compressed with bzip2, lzma or lzo, for which
// the guest has the decompressor) is a configuration file beside it believed, since such a file may be another
// kernel's.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/kernel/kernel_config.hpp"
#include "core/loader/kernel_image.hpp"

namespace sporehost::kernel {

struct KernelFeatures {
  std::optional<bool> acpi;          // reads ACPI tables
  std::optional<bool> pci;           // without it, the ACPI of Linux 6.1 fails
  std::optional<bool> mmio_cmdline;  // takes virtio_mmio.device=
  std::optional<bool> serial_driver; // for the board's serial port
  std::string told_by;               // what told it, for the log; "nothing" where nothing did
};

// From a configuration; `told_by` says which. `serial_symbol` is the option of the board's serial console. [any]
[[nodiscard]] KernelFeatures features_of(const KernelConfig& config, std::string_view serial_symbol,
                                         std::string told_by);

// The kernel at `path`, read as `image`. Never fails: what is damaged or missing tells nothing. [main]
[[nodiscard]] KernelFeatures find_features(const loader::KernelImage& image, const std::filesystem::path& path,
                                           std::string_view serial_symbol);

// Where the configuration of a kernel file is usually kept: FILE.config, config-VERSION for vmlinuz-VERSION, config
// and .config in its folder, and .config of the source tree for arch/ARCH/boot/IMAGE. [any]
[[nodiscard]] std::vector<std::filesystem::path> config_files_beside(const std::filesystem::path& kernel);

} // namespace sporehost::kernel
