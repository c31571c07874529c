// arm64: GICv3, PSCI and the width of guest-physical addresses.
#include "plugins/kvm/aarch64/vm.hpp"

#include <linux/kvm.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <string>

#include "plugins/kvm/aarch64/registers.hpp"

namespace kvm::arch {
namespace {

constexpr Capability kRequired[] = {
    {KVM_CAP_ONE_REG, "KVM_CAP_ONE_REG"},
    {KVM_CAP_DEVICE_CTRL, "KVM_CAP_DEVICE_CTRL"},
    {KVM_CAP_ARM_PSCI_0_2, "KVM_CAP_ARM_PSCI_0_2"},
};

// Shared peripheral interrupts that a VM has. KVM takes multiples of 32 up to 1020 interrupts, 32 of them private.
constexpr uint32_t kSpis = 224;
constexpr uint32_t kPrivateInterrupts = 32;

constexpr uint64_t kGicAlign = 64 * 1024;
constexpr uint64_t kDistBytes = 64 * 1024;
constexpr uint64_t kRedistBytes = 128 * 1024;

constexpr unsigned kDefaultAddressBits = 40; // what KVM_CREATE_VM's type 0 gives
constexpr unsigned kMinAddressBits = 32;     // the least that may be asked for

spore::Result<void> set_attribute(int device, uint32_t group, uint64_t attribute, void* value, const char* what) {
  kvm_device_attr request{.flags = 0, .group = group, .attr = attribute, .addr = reinterpret_cast<uintptr_t>(value)};
  if (call(device, KVM_SET_DEVICE_ATTR, &request) == 0) return {};
  return system_error(std::string("KVM refuses the GICv3's ") + what, errno);
}

unsigned address_bits(const Device& device) {
  const int bits = device.extension(KVM_CAP_ARM_VM_IPA_SIZE);
  return bits > 0 ? static_cast<unsigned>(bits) : kDefaultAddressBits;
}

} // namespace

struct Offer {
  unsigned address_bits;
};

std::span<const Capability> required_capabilities() {
  return kRequired;
}

spore::Result<std::shared_ptr<const Offer>> ask_offer(const Device& device) {
  return std::make_shared<const Offer>(Offer{address_bits(device)});
}

unsigned guest_address_bits(const Offer& offer) {
  return offer.address_bits;
}

// No more bits than needed: fewer make smaller tables, and walks of them shorter.
unsigned long vm_type(const Device& device, uint64_t gpa_end) {
  if (device.extension(KVM_CAP_ARM_VM_IPA_SIZE) == 0) return 0;
  const auto bits = static_cast<unsigned>(std::bit_width(std::max<uint64_t>(gpa_end, 1) - 1));
  return KVM_VM_TYPE_ARM_IPA_SIZE(std::clamp(bits, kMinAddressBits, address_bits(device)));
}

Hardware hardware() {
  return {true, "the processor has EL2, or there would be no KVM"};
}

uint32_t gsi_count() {
  return kSpis;
}

uint32_t irq_line_of(uint32_t gsi) {
  return KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | (gsi + kPrivateInterrupts);
}

spore::Result<std::unique_ptr<Vm>> create_vm(const Device& /*device*/, const Offer& offer, int vm_fd,
                                             const spore_vm_config& config, spore::Host /*host*/) {
  const unsigned bits = offer.address_bits;
  if (config.gpa_end > uint64_t{1} << bits) {
    return spore::fail(SPORE_E_RANGE, "guest-physical addresses have " + std::to_string(bits) +
                                          " bits here, and this machine's memory reaches beyond them; give it less");
  }
  return std::unique_ptr<Vm>(std::make_unique<Arm64Vm>(vm_fd, config));
}

spore::Result<void> Arm64Vm::describe_gic(spore_arm64_gic& out) const {
  if (!irqchip_) return spore::fail(SPORE_E_STATE, "the VM was opened without SPORE_VM_IRQCHIP");
  out.distributor_bytes = kDistBytes;
  out.distributor_alignment = kGicAlign;
  out.redistributor_bytes = kRedistBytes;
  out.redistributor_alignment = kGicAlign;
  out.gsi_count = kSpis;
  return {};
}

spore::Result<void> Arm64Vm::set_gic(uint64_t dist_gpa, uint64_t redist_gpa) {
  if (!irqchip_) return spore::fail(SPORE_E_STATE, "the VM was opened without SPORE_VM_IRQCHIP");
  if (gic_) return spore::fail(SPORE_E_STATE, "the GICv3 is placed already");
  if (prepared_.load() != 0) return spore::fail(SPORE_E_STATE, "there is a vCPU already; the GICv3 comes first");
  if (dist_gpa % kGicAlign != 0 || redist_gpa % kGicAlign != 0) {
    return spore::fail(SPORE_E_INVALID, "the GICv3's addresses must be multiples of 64 KiB");
  }
  if (redist_gpa > gpa_end_ || kRedistBytes * vcpu_count_ > gpa_end_ - redist_gpa) {
    return spore::fail(SPORE_E_RANGE, "the redistributors reach beyond the end of the VM's addresses");
  }
  kvm_create_device request{.type = KVM_DEV_TYPE_ARM_VGIC_V3, .fd = 0, .flags = 0};
  if (call(vm_fd_, KVM_CREATE_DEVICE, &request) != 0) {
    spore::Error failure = system_error("KVM does not make a GICv3", errno);
    failure.text += "; a host with a GICv3 or newer is needed";
    return failure;
  }
  Fd gic(static_cast<int>(request.fd));
  uint32_t interrupts = kSpis + kPrivateInterrupts;
  SPORE_CHECK(set_attribute(gic.get(), KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &interrupts, "number of interrupts"));
  SPORE_CHECK(set_attribute(gic.get(), KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &dist_gpa,
                            "distributor's address"));
  SPORE_CHECK(set_attribute(gic.get(), KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redist_gpa,
                            "redistributors' address"));
  gic_ = std::move(gic);
  return {};
}

spore::Result<void> Arm64Vm::prepare_vcpu(int vcpu_fd, uint32_t index) const {
  if (irqchip_ && !gic_) return spore::fail(SPORE_E_STATE, "the GICv3 has no place yet; set_gic comes first");
  SPORE_CHECK(arm64::init_vcpu(vm_fd_, vcpu_fd, index != 0));
  if (prepared_.fetch_add(1) + 1 < vcpu_count_) return {};
  return finish_gic();
}

spore::Result<void> Arm64Vm::finish_gic() const {
  if (!gic_) return {};
  return set_attribute(gic_.get(), KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, nullptr, "initialization");
}

uint64_t instruction_pointer(int vcpu_fd) {
  const auto pc = arm64::get_register(vcpu_fd, arm64::kPc);
  return pc ? *pc : 0;
}

// KVM has no address translation to ask for; before the MMU is on the two are the same, and nobody knows when that is.
std::optional<uint64_t> code_gpa(int /*vcpu_fd*/) {
  return std::nullopt;
}

} // namespace kvm::arch
