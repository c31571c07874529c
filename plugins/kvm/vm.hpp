// One virtual machine: the KVM VM with everything that hangs on it. Made by `open`, complete from then on.
#pragma once

#include <sporehost/backend.hpp>

#include <memory>
#include <vector>

#include "plugins/kvm/arch.hpp"
#include "plugins/kvm/device.hpp"
#include "plugins/kvm/hypervisor.hpp"
#include "plugins/kvm/interrupt_lines.hpp"
#include "plugins/kvm/kick.hpp"
#include "plugins/kvm/memory_slots.hpp"
#include "plugins/kvm/vcpu.hpp"

namespace kvm {

// KVM_CREATE_VM. [main]
[[nodiscard]] spore::Result<Fd> create_vm_fd(const Device& device, uint64_t gpa_end);

class Vm {
 public:
  static spore::Result<std::unique_ptr<Vm>> create(Hypervisor hypervisor, const spore_vm_config& config,
                                                   const spore_vm_callbacks& callbacks, spore::Host host);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] MemorySlots& memory() { return memory_; }
  [[nodiscard]] arch::Vm& arch() { return *arch_; }

  // nullptr without an in-kernel interrupt controller.
  [[nodiscard]] InterruptLines* interrupts() { return interrupts_.get(); }

  // [vcpu] SPORE_E_RANGE, SPORE_E_EXISTS, SPORE_E_NOT_FOUND, and SPORE_E_STATE on a thread that does not own the vCPU.
  spore::Result<void> create_vcpu(uint32_t index);
  spore::Result<void> destroy_vcpu(uint32_t index);
  spore::Result<Vcpu*> vcpu(uint32_t index);

  void kick(uint32_t index); // [any]

 private:
  Vm(Device device, Fd fd, KickSignal signal, std::unique_ptr<arch::Vm> arch, const spore_vm_config& config,
     const spore_vm_callbacks& callbacks, spore::Host host);

  // Each element belongs to one vCPU's thread, but for `kicks`.
  struct Place {
    KickBox kicks;
    std::unique_ptr<Vcpu> vcpu;
  };

  // In this order: what comes later uses what comes before.
  Device device_;
  Fd fd_;
  KickSignal signal_;
  std::unique_ptr<arch::Vm> arch_;
  const spore_vm_callbacks callbacks_;
  MemorySlots memory_;
  std::unique_ptr<InterruptLines> interrupts_;
  std::vector<Place> places_;
};

} // namespace kvm
