#include "plugins/kvm/vm.hpp"

#include <linux/kvm.h>

#include <algorithm>
#include <cerrno>

namespace kvm {
namespace {

spore::Result<void> check(const Device& device, const spore_vm_config& config, const spore_vm_callbacks& callbacks) {
  constexpr uint32_t kFlagsKnown = SPORE_VM_IRQCHIP;
  if ((config.flags & ~kFlagsKnown) != 0) {
    return spore::fail(SPORE_E_UNSUPPORTED, "this backend does not know all of the VM's flags; use a newer one");
  }
  if (config.reserved != 0 || callbacks.reserved != 0) {
    return spore::fail(SPORE_E_INVALID, "a reserved field of the VM's configuration is not 0");
  }
  const unsigned vcpus_max = std::min(device.vcpus_max(), arch::kVcpusMax);
  if (config.vcpu_count == 0 || config.vcpu_count > vcpus_max) {
    return spore::fail(SPORE_E_RANGE, "this KVM takes 1 to " + std::to_string(vcpus_max) + " vCPUs, not " +
                                          std::to_string(config.vcpu_count));
  }
  if (callbacks.mmio_read == nullptr || callbacks.mmio_write == nullptr || callbacks.port_read == nullptr ||
      callbacks.port_write == nullptr) {
    return spore::fail(SPORE_E_INVALID, "all four callbacks for MMIO and ports are needed");
  }
  return {};
}

} // namespace

spore::Result<Fd> create_vm_fd(const Device& device, uint64_t gpa_end) {
  Fd fd(call(device.fd(), KVM_CREATE_VM, arch::vm_type(device, gpa_end)));
  if (!fd) return system_error(device.path() + " does not create a VM", errno);
  return fd;
}

spore::Result<std::unique_ptr<Vm>> Vm::create(Hypervisor hypervisor, const spore_vm_config& config,
                                              const spore_vm_callbacks& callbacks, spore::Host host) {
  Device& device = hypervisor.device;
  SPORE_CHECK(check(device, config, callbacks));
  SPORE_TRY(Fd fd, create_vm_fd(device, config.gpa_end));
  SPORE_TRY(KickSignal signal, KickSignal::acquire());
  SPORE_TRY(auto arch, arch::create_vm(device, *hypervisor.offer, fd.get(), config, host));
  return std::unique_ptr<Vm>(new Vm(std::move(device), std::move(fd), std::move(signal), std::move(arch), config,
                                    callbacks, host)); // NOLINT: private constructor
}

Vm::Vm(Device device, Fd fd, KickSignal signal, std::unique_ptr<arch::Vm> arch, const spore_vm_config& config,
       const spore_vm_callbacks& callbacks, spore::Host host)
    : device_(std::move(device)),
      fd_(std::move(fd)),
      signal_(std::move(signal)),
      arch_(std::move(arch)),
      callbacks_(callbacks),
      memory_(fd_.get(), device_.memory_slots_max(), config.gpa_end, device_.extension(KVM_CAP_READONLY_MEM) > 0),
      places_(config.vcpu_count) {
  if ((config.flags & SPORE_VM_IRQCHIP) != 0) {
    interrupts_ = std::make_unique<InterruptLines>(fd_.get(), device_.extension(KVM_CAP_IRQFD) > 0, host);
  }
}

spore::Result<void> Vm::create_vcpu(uint32_t index) {
  if (index >= places_.size()) {
    return spore::fail(SPORE_E_RANGE,
                       "there is no vCPU " + std::to_string(index) + " in a VM of " + std::to_string(places_.size()));
  }
  Place& place = places_[index];
  if (place.vcpu != nullptr) return spore::fail(SPORE_E_EXISTS, "vCPU " + std::to_string(index) + " exists already");
  const int run_bytes = call(device_.fd(), KVM_GET_VCPU_MMAP_SIZE);
  if (run_bytes < static_cast<int>(sizeof(kvm_run))) return system_error("KVM_GET_VCPU_MMAP_SIZE", errno);
  const Vcpu::Surroundings surroundings{fd_.get(), static_cast<size_t>(run_bytes), signal_.number(), *arch_, memory_,
                                        callbacks_};
  SPORE_TRY(place.vcpu, Vcpu::create(surroundings, index, place.kicks));
  return {};
}

spore::Result<void> Vm::destroy_vcpu(uint32_t index) {
  const auto found = vcpu(index);
  if (!found) return found.error();
  places_[index].vcpu.reset();
  return {};
}

spore::Result<Vcpu*> Vm::vcpu(uint32_t index) {
  Vcpu* found = index < places_.size() ? places_[index].vcpu.get() : nullptr;
  if (found == nullptr) return spore::fail(SPORE_E_NOT_FOUND, "there is no vCPU " + std::to_string(index));
  if (!found->owned_by_caller()) {
    return spore::fail(SPORE_E_STATE, "vCPU " + std::to_string(index) + " belongs to the thread that created it, and " +
                                          "this call came from another");
  }
  return found;
}

void Vm::kick(uint32_t index) {
  if (index < places_.size()) places_[index].kicks.kick();
}

} // namespace kvm
