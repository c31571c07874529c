#include "core/planning/discovery.hpp"

#include <algorithm>

namespace sporehost {

namespace {

// Whether the kernel's part of the command line, which ends at "--", has the word.
bool has_word(std::string_view line, std::string_view word) {
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    const std::string_view found = line.substr(0, end);
    if (found == "--") return false;
    if (found == word) return true;
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return false;
}

} // namespace

DiscoveryChoice choose_discovery(const kernel::KernelFeatures& features, std::string_view user_cmdline) {
  const std::string told = " (" + features.told_by + ")";
  const std::string by_words = "so it gets virtio_mmio.device= and the MP table";
  if (has_word(user_cmdline, "acpi=off")) {
    DiscoveryChoice choice{Discovery::command_line, "acpi=off is on its command line, " + by_words, {}};
    if (features.mmio_cmdline == false)
      choice.warning =
          "with acpi=off the guest's kernel will find no devices, since it does not take "
          "virtio_mmio.device= (CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES); leave out acpi=off";
    return choice;
  }
  if (!features.acpi) return {Discovery::tables, "nothing tells whether it has ACPI; most kernels have", {}};
  if (*features.acpi && features.pci == false && features.mmio_cmdline == true)
    return {Discovery::command_line, "it has ACPI, which fails without PCI, " + by_words + told, {}};
  if (*features.acpi) return {Discovery::tables, "it has ACPI" + told, {}};
  DiscoveryChoice choice{Discovery::command_line, "it has no ACPI, " + by_words + told, {}};
  if (features.mmio_cmdline == false)
    choice.warning =
        "the guest's kernel will find no devices: it has neither ACPI nor takes virtio_mmio.device= "
        "(CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES); use a kernel with one of the two" +
        told;
  return choice;
}

} // namespace sporehost
