#include "plugins/kvm/aarch64/registers.hpp"

#include <cerrno>
#include <cinttypes>
#include <cstdio>

#include "plugins/kvm/device.hpp"

namespace kvm::arm64 {
namespace {

spore::Error register_error(const char* what, uint64_t id, int error) {
  char text[64];
  std::snprintf(text, sizeof text, "%s of register 0x%" PRIx64, what, id);
  return system_error(text, error);
}

} // namespace

spore::Result<uint64_t> get_register(int vcpu_fd, uint64_t id) {
  uint64_t value = 0;
  kvm_one_reg request{.id = id, .addr = reinterpret_cast<uintptr_t>(&value)};
  if (call(vcpu_fd, KVM_GET_ONE_REG, &request) != 0) return register_error("KVM_GET_ONE_REG", id, errno);
  return value;
}

spore::Result<void> set_register(int vcpu_fd, uint64_t id, uint64_t value) {
  kvm_one_reg request{.id = id, .addr = reinterpret_cast<uintptr_t>(&value)};
  if (call(vcpu_fd, KVM_SET_ONE_REG, &request) != 0) return register_error("KVM_SET_ONE_REG", id, errno);
  return {};
}

spore::Result<void> init_vcpu(int vm_fd, int vcpu_fd, bool stopped) {
  kvm_vcpu_init init{};
  if (call(vm_fd, KVM_ARM_PREFERRED_TARGET, &init) != 0) return system_error("KVM_ARM_PREFERRED_TARGET", errno);
  init.features[0] |= 1U << KVM_ARM_VCPU_PSCI_0_2;
  if (stopped) init.features[0] |= 1U << KVM_ARM_VCPU_POWER_OFF;
  if (call(vcpu_fd, KVM_ARM_VCPU_INIT, &init) != 0) return system_error("KVM_ARM_VCPU_INIT", errno);
  return {};
}

} // namespace kvm::arm64
