// x86-64: VMs and the state in which firmware would leave a vCPU.
//
// Quirks: Intel processors need three pages of guest addresses for a task-state segment and one for an identity map,
// below 4 GiB and away from RAM and devices. The in-kernel interrupt controllers must exist before the first vCPU. The
// PIT is there for kernels that calibrate their clocks by it.
#include <cpuid.h>
#include <linux/kvm.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "plugins/kvm/arch.hpp"
#include "plugins/kvm/x86_64/cpuid.hpp"
#include "plugins/kvm/x86_64/flexible.hpp"

namespace kvm::arch {
namespace {

constexpr uint64_t kIdentityMapGpa = 0xfffbc000;
constexpr unsigned long kTssGpa = 0xfffbd000;

constexpr Capability kRequired[] = {
    {KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR"},
    {KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID"},
};

// Intel SDM volume 4, table 2-2; volume 3A, section 11.11.2.1.
constexpr uint32_t kMsrMiscEnable = 0x1a0;
constexpr uint64_t kFastStrings = 1;
constexpr uint32_t kMsrMtrrDefaultType = 0x2ff;
constexpr uint64_t kMtrrOnWriteBack = 0x806;

// Local APIC registers and their delivery modes; volume 3A, section 10.5.1.
constexpr size_t kLvtLint0 = 0x350, kLvtLint1 = 0x360;
constexpr uint32_t kDeliveryAndMask = 0x10700, kDeliverExtInt = 0x700, kDeliverNmi = 0x400;

void set_local_interrupt(kvm_lapic_state& lapic, size_t offset, uint32_t delivery) {
  uint32_t entry = 0;
  std::memcpy(&entry, lapic.regs + offset, sizeof entry);
  entry = (entry & ~kDeliveryAndMask) | delivery;
  std::memcpy(lapic.regs + offset, &entry, sizeof entry);
}

// LINT0 takes the PIC's interrupts, LINT1 the NMI: Linux expects to find it so on the boot processor.
spore::Result<void> wire_local_interrupts(int vcpu_fd) {
  kvm_lapic_state lapic{};
  if (call(vcpu_fd, KVM_GET_LAPIC, &lapic) != 0) return system_error("KVM_GET_LAPIC", errno);
  set_local_interrupt(lapic, kLvtLint0, kDeliverExtInt);
  set_local_interrupt(lapic, kLvtLint1, kDeliverNmi);
  if (call(vcpu_fd, KVM_SET_LAPIC, &lapic) != 0) return system_error("KVM_SET_LAPIC", errno);
  return {};
}

// How many of the boot-time MSRs KVM took, or -1.
int set_boot_msrs(int vcpu_fd) {
  const kvm_msr_entry msrs[] = {{kMsrMiscEnable, 0, kFastStrings}, {kMsrMtrrDefaultType, 0, kMtrrOnWriteBack}};
  return call(vcpu_fd, x86::kSetMsrs, x86::Flexible<kvm_msr_entry>(msrs).data());
}

class X86Vm final : public Vm {
 public:
  X86Vm(x86::CpuidTable cpuid, bool irqchip, spore::Host host)
      : cpuid_(std::move(cpuid)), irqchip_(irqchip), host_(host) {}

  spore::Result<void> prepare_vcpu(int vcpu_fd, uint32_t index) const override {
    x86::CpuidTable table = cpuid_;
    x86::set_apic_id(table, index);
    SPORE_CHECK(x86::set_cpuid(vcpu_fd, table));
    if (set_boot_msrs(vcpu_fd) != 2) host_.debug("KVM did not take MISC_ENABLE or the MTRR default; the guest may");
    // The others wait for INIT and SIPI, as KVM creates them; INIT masks their local interrupts again.
    if (irqchip_ && index == 0) SPORE_CHECK(wire_local_interrupts(vcpu_fd));
    return {};
  }

 private:
  const x86::CpuidTable cpuid_;
  const bool irqchip_;
  const spore::Host host_;
};

spore::Result<void> create_irqchip(const Device& device, int vm_fd, spore::Host host) {
  if (call(vm_fd, KVM_CREATE_IRQCHIP) != 0) return system_error("KVM_CREATE_IRQCHIP", errno);
  kvm_pit_config pit{};
  pit.flags = KVM_PIT_SPEAKER_DUMMY;
  if (device.extension(KVM_CAP_PIT2) == 0 || call(vm_fd, KVM_CREATE_PIT2, &pit) != 0) {
    host.debug("KVM has no PIT; kernels that calibrate by it will have to do without");
  }
  return {};
}

} // namespace

struct Offer {
  x86::CpuidTable cpuid;
};

std::span<const Capability> required_capabilities() {
  return kRequired;
}

spore::Result<std::shared_ptr<const Offer>> ask_offer(const Device& device) {
  SPORE_TRY(x86::CpuidTable cpuid, x86::supported_cpuid(device));
  return std::make_shared<const Offer>(Offer{std::move(cpuid)});
}

unsigned guest_address_bits(const Offer& offer) {
  return x86::physical_address_bits(offer.cpuid);
}

unsigned long vm_type(const Device& /*device*/, uint64_t /*gpa_end*/) {
  return 0;
}

Hardware hardware() {
  // Of the processor itself: the kernel takes longer to write /proc/cpuinfo, the more processors there are.
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) != 0 && (ecx & x86::kSvm) != 0)
    return {true, "the processor has AMD SVM"};
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & x86::kVmx) != 0)
    return {true, "the processor has Intel VMX"};
  return {false, "the processor shows neither svm nor vmx in /proc/cpuinfo"};
}

uint32_t gsi_count() {
  return KVM_IOAPIC_NUM_PINS;
}

uint32_t irq_line_of(uint32_t gsi) {
  return gsi;
}

spore::Result<std::unique_ptr<Vm>> create_vm(const Device& device, const Offer& offer, int vm_fd,
                                             const spore_vm_config& config, spore::Host host) {
  const bool irqchip = (config.flags & SPORE_VM_IRQCHIP) != 0;
  if (!irqchip && config.vcpu_count > 1) {
    return spore::fail(SPORE_E_UNSUPPORTED, "several vCPUs need the interrupt controllers of KVM to start each other");
  }
  uint64_t identity_map = kIdentityMapGpa;
  if (device.extension(KVM_CAP_SET_IDENTITY_MAP_ADDR) > 0 &&
      call(vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) != 0) {
    return system_error("KVM_SET_IDENTITY_MAP_ADDR", errno);
  }
  if (call(vm_fd, KVM_SET_TSS_ADDR, kTssGpa) != 0) return system_error("KVM_SET_TSS_ADDR", errno);
  if (irqchip) SPORE_CHECK(create_irqchip(device, vm_fd, host));
  const unsigned bits = guest_address_bits(offer);
  if (config.gpa_end > uint64_t{1} << bits) {
    return spore::fail(SPORE_E_RANGE, "guest-physical addresses have " + std::to_string(bits) +
                                          " bits here, and this machine's memory reaches beyond them; give it less");
  }
  const bool tsc_deadline = irqchip && device.extension(KVM_CAP_TSC_DEADLINE_TIMER) > 0;
  return std::unique_ptr<Vm>(
      std::make_unique<X86Vm>(x86::vm_cpuid(offer.cpuid, config.vcpu_count, tsc_deadline), irqchip, host));
}

uint64_t instruction_pointer(int vcpu_fd) {
  kvm_regs registers{};
  return call(vcpu_fd, KVM_GET_REGS, &registers) == 0 ? registers.rip : 0;
}

std::optional<uint64_t> code_gpa(int vcpu_fd) {
  kvm_sregs special{};
  if (call(vcpu_fd, KVM_GET_SREGS, &special) != 0) return std::nullopt;
  kvm_translation translation{};
  translation.linear_address = special.cs.base + instruction_pointer(vcpu_fd);
  if (call(vcpu_fd, KVM_TRANSLATE, &translation) != 0 || translation.valid == 0) return std::nullopt;
  return translation.physical_address;
}

} // namespace kvm::arch
