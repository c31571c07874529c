// The arm64 part of one VM: its GICv3, and how its vCPUs begin.
// Linux: Documentation/virt/kvm/devices/arm-vgic-v3.rst.
#pragma once

#include <atomic>

#include "plugins/kvm/arch.hpp"
#include "plugins/kvm/handles.hpp"

namespace kvm::arch {

class Arm64Vm final : public Vm {
 public:
  Arm64Vm(int vm_fd, const spore_vm_config& config)
      : vm_fd_(vm_fd),
        vcpu_count_(config.vcpu_count),
        gpa_end_(config.gpa_end),
        irqchip_((config.flags & SPORE_VM_IRQCHIP) != 0) {}

  // As describe_gic and set_gic of backend.h.
  spore::Result<void> describe_gic(spore_arm64_gic& out) const;
  spore::Result<void> set_gic(uint64_t dist_gpa, uint64_t redist_gpa);

  spore::Result<void> prepare_vcpu(int vcpu_fd, uint32_t index) const override;

 private:
  // KVM initializes the GIC when it knows every vCPU.
  [[nodiscard]] spore::Result<void> finish_gic() const;

  const int vm_fd_;
  const uint32_t vcpu_count_;
  const uint64_t gpa_end_;
  const bool irqchip_;
  Fd gic_;
  mutable std::atomic<uint32_t> prepared_{0}; // vCPUs so far; each by its own thread
};

} // namespace kvm::arch
