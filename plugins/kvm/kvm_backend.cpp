#include "plugins/kvm/kvm_backend.hpp"

#include "plugins/kvm/doorbells.hpp"
#include "plugins/kvm/probe.hpp"

namespace kvm {

spore::Result<std::unique_ptr<KvmBackend>> KvmBackend::create(spore::Host host, std::string_view options) {
  std::string device = spore::Options(options).string("/device").value_or("/dev/kvm");
  return std::unique_ptr<KvmBackend>(new KvmBackend(host, std::move(device))); // NOLINT: private constructor
}

const void* KvmBackend::query_interface(std::string_view name) {
  return arch::query_interface(name);
}

spore::Result<void> KvmBackend::probe(bool measure, spore_probe& out) {
  if (const auto found = hypervisor()) {
    kvm::probe(**found, measure, out);
  } else {
    spore::put(out.summary, found.error().text);
  }
  return {};
}

spore::Result<void> KvmBackend::open(const spore_vm_config& config, const spore_vm_callbacks& callbacks) {
  if (vm_ != nullptr) return spore::fail(SPORE_E_STATE, "the VM is open already; one backend object is one VM");
  SPORE_CHECK(hypervisor());
  SPORE_TRY(vm_, Vm::create(*std::exchange(hypervisor_, std::nullopt), config, callbacks, host_));
  return {};
}

spore::Result<Hypervisor*> KvmBackend::hypervisor() {
  if (!hypervisor_) {
    SPORE_TRY(hypervisor_, Hypervisor::open(device_));
  }
  return &*hypervisor_;
}

spore::Result<Vm*> KvmBackend::vm() {
  if (vm_ != nullptr) return vm_.get();
  return spore::fail(SPORE_E_STATE, "there is no VM yet; open comes first");
}

spore::Result<arch::Vm*> KvmBackend::arch_vm() {
  SPORE_TRY(Vm * vm, this->vm());
  return &vm->arch();
}

spore::Result<Vcpu*> KvmBackend::vcpu(uint32_t index) {
  SPORE_TRY(Vm * vm, this->vm());
  return vm->vcpu(index);
}

spore::Result<void> KvmBackend::map_memory(uint64_t gpa, void* host, uint64_t bytes, uint32_t flags) {
  SPORE_TRY(Vm * vm, this->vm());
  return vm->memory().map(gpa, host, bytes, flags);
}

spore::Result<void> KvmBackend::unmap_memory(uint64_t gpa, uint64_t bytes) {
  SPORE_TRY(Vm * vm, this->vm());
  return vm->memory().unmap(gpa, bytes);
}

spore::Result<void> KvmBackend::create_vcpu(uint32_t index) {
  SPORE_TRY(Vm * vm, this->vm());
  return vm->create_vcpu(index);
}

void KvmBackend::destroy_vcpu(uint32_t index) {
  if (vm_ == nullptr) return;
  if (const auto destroyed = vm_->destroy_vcpu(index); !destroyed) host_.error(destroyed.error().text);
}

spore::Result<void> KvmBackend::run(uint32_t index, spore_exit& out) {
  SPORE_TRY(Vcpu * vcpu, this->vcpu(index));
  return vcpu->run(out);
}

void KvmBackend::kick(uint32_t index) {
  if (vm_ != nullptr) vm_->kick(index);
}

spore_status KvmBackend::set_irq_line(uint32_t gsi, bool level) {
  if (vm_ == nullptr) return SPORE_E_STATE;
  const InterruptLines* lines = vm_->interrupts();
  return lines != nullptr ? lines->set(gsi, level) : SPORE_E_UNSUPPORTED;
}

spore_status KvmBackend::pulse_irq(uint32_t gsi) {
  if (vm_ == nullptr) return SPORE_E_STATE;
  InterruptLines* lines = vm_->interrupts();
  return lines != nullptr ? lines->pulse(gsi) : SPORE_E_UNSUPPORTED;
}

spore::Result<void> KvmBackend::add_doorbell(const spore_doorbell& doorbell) {
  SPORE_TRY(Vm * vm, this->vm());
  return kvm::add_doorbell(vm->fd(), doorbell);
}

spore_status KvmBackend::remove_doorbell(const spore_doorbell& doorbell) {
  if (vm_ == nullptr) return SPORE_E_STATE;
  const auto removed = kvm::remove_doorbell(vm_->fd(), doorbell);
  return removed ? static_cast<spore_status>(SPORE_OK) : removed.error().status;
}

} // namespace kvm
