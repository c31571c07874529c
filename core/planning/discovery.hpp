// How a guest's kernel is told of its devices, decided from what is known of the kernel. Pure, so that a table of cases
// can test it.
//
// It is one way or the other, never both: a kernel that reads ACPI tables and takes virtio_mmio.device= too would find
// every device twice. With Discovery::command_line there are no ACPI tables, so such a kernel is right with either.
#pragma once

#include <string>
#include <string_view>

#include "core/board/board.hpp"
#include "core/kernel/kernel_features.hpp"

namespace sporehost {

struct DiscoveryChoice {
  Discovery discovery = Discovery::tables;
  std::string reason;  // for the log
  std::string warning; // where no way can work; empty otherwise
};

// `user_cmdline` is what the user adds to the kernel's command line: `acpi=off` there counts. [any]
[[nodiscard]] DiscoveryChoice choose_discovery(const kernel::KernelFeatures& features, std::string_view user_cmdline);

} // namespace sporehost
