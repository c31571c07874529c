// The CPUID that guests see: what KVM supports here, with the VM's topology written in and a few features taken out.
// Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E; Linux: Documentation/virt/kvm/x86/cpuid.rst.
#pragma once

#include <linux/kvm.h>
#include <sporehost/result.hpp>

#include <cstdint>
#include <vector>

#include "plugins/kvm/device.hpp"

namespace kvm::x86 {

// Leaf 1 and leaf 0x80000001, ECX: whether a processor can virtualize.
inline constexpr uint32_t kVmx = 1U << 5;
inline constexpr uint32_t kSvm = 1U << 2;

using CpuidTable = std::vector<kvm_cpuid_entry2>;

// What KVM can offer guests on this machine. [any]
[[nodiscard]] spore::Result<CpuidTable> supported_cpuid(const Device& device);

// Makes the table of a VM with `vcpu_count` vCPUs, one socket of single-threaded cores. [any]
[[nodiscard]] CpuidTable vm_cpuid(CpuidTable supported, uint32_t vcpu_count, bool tsc_deadline);

// Writes vCPU `index`'s local APIC id (equal to `index`) into the table. [any]
void set_apic_id(CpuidTable& table, uint32_t index);

// Width of guest-physical addresses by the table. [any]
[[nodiscard]] unsigned physical_address_bits(const CpuidTable& table);

// Gives a vCPU the table. [vcpu]
[[nodiscard]] spore::Result<void> set_cpuid(int vcpu_fd, const CpuidTable& table);

} // namespace kvm::x86
