// Registers of an arm64 vCPU by KVM's numbers for them.
// Linux: Documentation/virt/kvm/api.rst, section 4.68 (KVM_SET_ONE_REG, "arm64 registers").
#pragma once

#include <sporehost/result.hpp>

#include <linux/kvm.h>

#include <cstddef>
#include <cstdint>

namespace kvm::arm64 {

// A 64-bit register of struct kvm_regs, by its offset there. [any]
constexpr uint64_t core_register(size_t offset) {
  return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset / sizeof(uint32_t);
}

constexpr uint64_t x_register(unsigned number) {
  return core_register(offsetof(kvm_regs, regs.regs) + number * sizeof(uint64_t));
}

inline constexpr uint64_t kSpEl0 = core_register(offsetof(kvm_regs, regs.sp));
inline constexpr uint64_t kSpEl1 = core_register(offsetof(kvm_regs, sp_el1));
inline constexpr uint64_t kPc = core_register(offsetof(kvm_regs, regs.pc));
inline constexpr uint64_t kPstate = core_register(offsetof(kvm_regs, regs.pstate));

// [vcpu] Errors name the register's number.
[[nodiscard]] spore::Result<uint64_t> get_register(int vcpu_fd, uint64_t id);
[[nodiscard]] spore::Result<void> set_register(int vcpu_fd, uint64_t id, uint64_t value);

// KVM_ARM_VCPU_INIT for the processor that KVM prefers here, with PSCI. [vcpu] `stopped`: waits for CPU_ON.
[[nodiscard]] spore::Result<void> init_vcpu(int vm_fd, int vcpu_fd, bool stopped);

} // namespace kvm::arm64
