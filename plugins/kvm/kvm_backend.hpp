// The backend object: spore::Backend over one kvm::Vm.
#pragma once

#include <sporehost/backend.hpp>

#include <memory>
#include <optional>
#include <string>

#include "plugins/kvm/vm.hpp"

namespace kvm {

class KvmBackend final : public spore::Backend {
 public:
  static constexpr spore::FactoryInfo info{"kvm", "Linux KVM: hardware virtualization through /dev/kvm", R"({
    "type": "object",
    "additionalProperties": false,
    "properties": {
      "device": {"type": "string", "minLength": 1, "default": "/dev/kvm", "description": "Path of the KVM device node"}
    }
  })"};
  static spore::Result<std::unique_ptr<KvmBackend>> create(spore::Host host, std::string_view options);

  const void* query_interface(std::string_view name) override;
  spore::Result<void> probe(bool measure, spore_probe& out) override;
  spore::Result<void> open(const spore_vm_config& config, const spore_vm_callbacks& callbacks) override;
  spore::Result<void> map_memory(uint64_t gpa, void* host, uint64_t bytes, uint32_t flags) override;
  spore::Result<void> unmap_memory(uint64_t gpa, uint64_t bytes) override;
  spore::Result<void> create_vcpu(uint32_t index) override;
  void destroy_vcpu(uint32_t index) override;
  spore::Result<void> run(uint32_t index, spore_exit& out) override;
  void kick(uint32_t index) override;
  spore_status set_irq_line(uint32_t gsi, bool level) override;
  spore_status pulse_irq(uint32_t gsi) override;
  spore::Result<void> add_doorbell(const spore_doorbell& doorbell) override;
  spore_status remove_doorbell(const spore_doorbell& doorbell) override;

  // The open VM's part that differs by architecture, for interfaces of one architecture. [main]
  spore::Result<arch::Vm*> arch_vm();

  // A vCPU of the open VM, for the register-state interfaces. [vcpu]
  spore::Result<Vcpu*> vcpu(uint32_t index);

 private:
  KvmBackend(spore::Host host, std::string device) : host_(host), device_(std::move(device)) {}

  // KVM, looked at on the first call; the object keeps it until `open` takes it along. [main]
  spore::Result<Hypervisor*> hypervisor();

  // The VM, or SPORE_E_STATE before `open`.
  spore::Result<Vm*> vm();

  spore::Host host_;
  std::string device_;
  std::optional<Hypervisor> hypervisor_;
  std::unique_ptr<Vm> vm_;
};

} // namespace kvm
