// The flattened device tree, by which an arm64 kernel finds everything.
// Spec: Devicetree Specification 0.4; bindings in Linux, Documentation/devicetree/bindings.
#pragma once

#include <sporehost/result.hpp>

#include <array>
#include <string>
#include <vector>

#include "core/arch/aarch64/board.hpp"

namespace sporehost::arch::aarch64 {

struct FdtInfo {
  GpaRange ram;
  uint32_t vcpus = 1;
  GicPlaces gic;
  std::string bootargs;
  GpaRange initrd;                // 0 bytes: none
  std::vector<MmioSlot> devices;  // virtio-mmio, in order
  std::vector<IoNode> io_devices; // those without a `compatible` are left out
  bool serial = false;            // early output goes to the one of them that lies at kPl011
  // Random bytes for the kernel's generator and for the place of its text. The kernel wipes both.
  std::array<uint8_t, 32> rng_seed{};
  uint64_t kaslr_seed = 0;
};

// The tree as bytes, at most kFdtRoom. [any]
// Errors: SPORE_E_INVALID an I/O device with a name that `compatible` does not take, or with ports; SPORE_E_RANGE more
// vCPUs than the board has room for, or a tree that is too large (a very long command line).
[[nodiscard]] spore::Result<std::vector<uint8_t>> make_fdt(const FdtInfo& info);

} // namespace sporehost::arch::aarch64
