// How the boot processor starts. Spec: Documentation/arch/arm64/booting.rst, "CPU mode" and "primary CPU registers".
#pragma once

#include <sporehost/backend.h>

#include <cstdint>

namespace sporehost::arch::aarch64 {

constexpr uint64_t kPstateEl1h = 0x5;
constexpr uint64_t kPstateMasked = 0x3c0; // D, A, I, F

// x0 = device tree, x1 to x3 = 0; EL1 with its own stack pointer, all interrupts masked. [any]
[[nodiscard]] inline spore_arm64_state boot_state(uint64_t entry_gpa, uint64_t fdt_gpa) {
  spore_arm64_state state{};
  state.size = sizeof state;
  state.x[0] = fdt_gpa;
  state.pc = entry_gpa;
  state.pstate = kPstateMasked | kPstateEl1h;
  return state;
}

} // namespace sporehost::arch::aarch64
