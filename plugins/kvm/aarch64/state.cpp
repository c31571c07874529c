// sporehost.arm64-vcpu/1 and sporehost.arm64-vm/1: the neutral forms over KVM's.
#include <cerrno>

#include "plugins/kvm/aarch64/registers.hpp"
#include "plugins/kvm/aarch64/vm.hpp"
#include "plugins/kvm/kvm_backend.hpp"

namespace kvm::arch {
namespace {

constexpr unsigned kXRegisters = std::size(spore_arm64_state{}.x);

// What the neutral form has besides x0 to x30.
constexpr struct {
  uint64_t id;
  uint64_t spore_arm64_state::*field;
} kOthers[] = {
    {arm64::kSpEl0, &spore_arm64_state::sp_el0},
    {arm64::kSpEl1, &spore_arm64_state::sp_el1},
    {arm64::kPc, &spore_arm64_state::pc},
    {arm64::kPstate, &spore_arm64_state::pstate},
};

spore::Result<void> get_state(int fd, spore_arm64_state& out) {
  for (unsigned i = 0; i < kXRegisters; ++i) {
    SPORE_TRY(out.x[i], arm64::get_register(fd, arm64::x_register(i)));
  }
  for (const auto& other : kOthers) {
    SPORE_TRY(out.*other.field, arm64::get_register(fd, other.id));
  }
  return {};
}

spore::Result<void> set_state(int fd, const spore_arm64_state& state) {
  if (state.reserved != 0) return spore::fail(SPORE_E_INVALID, "a reserved field of the state is not 0");
  for (unsigned i = 0; i < kXRegisters; ++i) {
    SPORE_CHECK(arm64::set_register(fd, arm64::x_register(i), state.x[i]));
  }
  for (const auto& other : kOthers) SPORE_CHECK(arm64::set_register(fd, other.id, state.*other.field));
  return {};
}

KvmBackend& backend_of(void* self) {
  return static_cast<KvmBackend&>(*static_cast<spore::Backend*>(self));
}

spore::Result<int> fd_of(void* self, uint32_t index) {
  SPORE_TRY(const Vcpu* vcpu, backend_of(self).vcpu(index));
  return vcpu->fd();
}

spore::Result<Arm64Vm*> vm_of(void* self) {
  SPORE_TRY(arch::Vm * vm, backend_of(self).arch_vm());
  return static_cast<Arm64Vm*>(vm);
}

constexpr spore_arm64_vcpu arm64_vcpu() {
  spore_arm64_vcpu table{};
  table.size = sizeof table;
  table.get_state = [](void* self, uint32_t index, spore_arm64_state* out, spore_error* error) -> spore_status {
    return spore::guarded(error, [&]() -> spore::Result<void> {
      SPORE_TRY(const int fd, fd_of(self, index));
      return spore::detail::filled(out, [&](spore_arm64_state& own) { return get_state(fd, own); });
    });
  };
  table.set_state = [](void* self, uint32_t index, const spore_arm64_state* state, spore_error* error) -> spore_status {
    return spore::guarded(error, [&]() -> spore::Result<void> {
      SPORE_TRY(const int fd, fd_of(self, index));
      const auto own = spore::detail::taken(state);
      return own ? set_state(fd, *own) : spore::detail::too_short();
    });
  };
  return table;
}
constexpr spore_arm64_vcpu kArm64Vcpu = arm64_vcpu();

constexpr spore_arm64_vm arm64_vm() {
  spore_arm64_vm table{};
  table.size = sizeof table;
  table.describe_gic = [](void* self, spore_arm64_gic* out, spore_error* error) -> spore_status {
    return spore::guarded(error, [&]() -> spore::Result<void> {
      SPORE_TRY(const Arm64Vm* vm, vm_of(self));
      return spore::detail::filled(out, [&](spore_arm64_gic& own) { return vm->describe_gic(own); });
    });
  };
  table.set_gic = [](void* self, uint64_t dist_gpa, uint64_t redist_gpa, spore_error* error) -> spore_status {
    return spore::guarded(error, [&]() -> spore::Result<void> {
      SPORE_TRY(Arm64Vm * vm, vm_of(self));
      return vm->set_gic(dist_gpa, redist_gpa);
    });
  };
  return table;
}
constexpr spore_arm64_vm kArm64Vm = arm64_vm();

} // namespace

const void* query_interface(std::string_view name) {
  if (name == SPORE_ARM64_VCPU_1) return &kArm64Vcpu;
  return name == SPORE_ARM64_VM_1 ? &kArm64Vm : nullptr;
}

} // namespace kvm::arch
