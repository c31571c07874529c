// What the instruction sets do differently: one folder beside this file implements it all for its own.
//
// Everything else in this plugin is the same on every KVM.
#pragma once

#include <sporehost/backend.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "plugins/kvm/device.hpp"

namespace kvm::arch {

// Capabilities without which no VM is made, beyond those that all architectures need.
[[nodiscard]] std::span<const Capability> required_capabilities();

// vCPUs that this plugin can number on this architecture, whatever KVM allows.
inline constexpr unsigned kVcpusMax = 255;

// What KVM offers guests on this machine; each architecture has its own idea of it. Asked once for all that need it: on
// x86-64 the answer takes KVM a third of a millisecond. [main]
struct Offer;
[[nodiscard]] spore::Result<std::shared_ptr<const Offer>> ask_offer(const Device& device);

// Width of guest-physical addresses in bits. [any]
[[nodiscard]] unsigned guest_address_bits(const Offer& offer);

// The argument of KVM_CREATE_VM for a guest whose addresses end at `gpa_end`. [main]
[[nodiscard]] unsigned long vm_type(const Device& device, uint64_t gpa_end);

// Whether the processor says that it can virtualize, and the words for what was found. [any]
struct Hardware {
  bool virtualizes;
  std::string_view words; // "the processor shows no svm or vmx flag"
};
[[nodiscard]] Hardware hardware();

// What to do where there is no KVM device: the end of a sentence, from "; " on. [any]
[[nodiscard]] std::string_view advice_without_device();

// Interrupt lines that `gsi` may name are 0 .. kGsiCount-1; and how KVM_IRQ_LINE spells one.
[[nodiscard]] uint32_t gsi_count();
[[nodiscard]] uint32_t irq_line_of(uint32_t gsi);

// The architecture's part of one VM.
class Vm {
 public:
  virtual ~Vm() = default;
  // Gives a new vCPU its identity and the state in which firmware leaves it. [vcpu]
  virtual spore::Result<void> prepare_vcpu(int vcpu_fd, uint32_t index) const = 0;
};
// SPORE_E_RANGE where config.gpa_end lies beyond the addresses that a guest can have. [main]
[[nodiscard]] spore::Result<std::unique_ptr<Vm>> create_vm(const Device& device, const Offer& offer, int vm_fd,
                                                           const spore_vm_config& config, spore::Host host);

// The guest's instruction pointer, and the guest-physical address that it stands for. [vcpu]
[[nodiscard]] uint64_t instruction_pointer(int vcpu_fd);
[[nodiscard]] std::optional<uint64_t> code_gpa(int vcpu_fd);

// Register-state interfaces by name; their first argument is the backend object. [any]
[[nodiscard]] const void* query_interface(std::string_view name);

// A guest that asks the host for a 32-bit number (by port or MMIO), spins that many times, and asks again.
// `ram` is mapped at guest address 0 and zeroed. One spin is kSpinInstructions instructions.
inline constexpr unsigned kSpinInstructions = 9;
inline constexpr size_t kSpinRamBytes = 64 * 1024;
[[nodiscard]] spore::Result<void> install_spin_guest(int vm_fd, int vcpu_fd, std::span<uint8_t> ram);

} // namespace kvm::arch
