// What a kernel can do, told by its image alone: texts that only the code of an option brings into it. A kernel of
// unknown configuration is known well enough by them to be given devices that it can find.
//
// The texts are names of kernel parameters and messages that have been the same since Linux 4.0 or longer. They are in
// the image whether or not it has symbols. A module's texts are not: what is a module here counts as absent, and that
// is right, since an initrd made for another kernel carries none of its modules.
#pragma once

#include <string>

#include "core/loader/bytes.hpp"

namespace sporehost::loader {

struct KernelTraits {
  bool is_linux = false;     // "Linux version " is there; otherwise nothing is known, and the rest is false
  bool acpi = false;         // CONFIG_ACPI: acpi_enforce_resources=
  bool pci = false;          // CONFIG_PCI of x86: what it says where it finds no configuration space
  bool mmio_cmdline = false; // CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES, with the driver built in: virtio_mmio.device=
  bool serial_8250 = false;  // CONFIG_SERIAL_8250, built in: 8250.nr_uarts=
  bool serial_pl011 = false; // CONFIG_SERIAL_AMBA_PL011, built in: the name of its driver
  std::string release;       // as uname -r will say it; empty where it cannot be read
};

// Searches `vmlinux` (KernelImage::vmlinux, decompressed) once for each text; some 20 ms for 50 MB. Any bytes will do,
// and nothing in them is believed but that a text is there. [any]
[[nodiscard]] KernelTraits read_kernel_traits(Bytes vmlinux);

} // namespace sporehost::loader
