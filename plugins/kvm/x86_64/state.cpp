// sporehost.x86-vcpu/1: general register state between the neutral form and KVM's.
#include <linux/kvm.h>

#include <cerrno>

#include "plugins/kvm/arch.hpp"
#include "plugins/kvm/kvm_backend.hpp"

namespace kvm::arch {
namespace {

// Bits of a segment descriptor's attributes (Intel SDM volume 3A, section 3.4.5).
constexpr unsigned kS = 4, kDpl = 5, kPresent = 7, kAvl = 12, kLong = 13, kDb = 14, kGranularity = 15;

constexpr uint64_t kEferLme = 1 << 8, kEferLma = 1 << 10, kCr0Paging = uint64_t{1} << 31;

kvm_segment to_kvm(const spore_x86_segment& segment) {
  const auto bit = [&](unsigned number) { return static_cast<uint8_t>((segment.attributes >> number) & 1); };
  kvm_segment out{};
  out.base = segment.base;
  out.limit = segment.limit;
  out.selector = segment.selector;
  out.type = segment.attributes & 0xf;
  out.s = bit(kS);
  out.dpl = static_cast<uint8_t>((segment.attributes >> kDpl) & 3);
  out.present = bit(kPresent);
  out.avl = bit(kAvl);
  out.l = bit(kLong);
  out.db = bit(kDb);
  out.g = bit(kGranularity);
  out.unusable = out.present == 0 ? 1 : 0;
  return out;
}

spore_x86_segment from_kvm(const kvm_segment& segment) {
  spore_x86_segment out{};
  out.base = segment.base;
  out.limit = segment.limit;
  out.selector = segment.selector;
  const unsigned present = segment.unusable != 0 ? 0 : segment.present;
  out.attributes =
      static_cast<uint16_t>(segment.type | segment.s << kS | segment.dpl << kDpl | present << kPresent |
                            segment.avl << kAvl | segment.l << kLong | segment.db << kDb | segment.g << kGranularity);
  return out;
}

kvm_dtable to_kvm(const spore_x86_table& table) {
  kvm_dtable out{};
  out.base = table.base;
  out.limit = static_cast<uint16_t>(table.limit);
  return out;
}

spore_x86_table from_kvm(const kvm_dtable& table) {
  return {table.base, table.limit, 0};
}

kvm_regs general_of(const spore_x86_state& s) {
  return {s.rax, s.rbx, s.rcx, s.rdx, s.rsi, s.rdi, s.rsp, s.rbp, s.r8,
          s.r9,  s.r10, s.r11, s.r12, s.r13, s.r14, s.r15, s.rip, s.rflags};
}

void put_general(const kvm_regs& r, spore_x86_state& out) {
  out.rax = r.rax, out.rbx = r.rbx, out.rcx = r.rcx, out.rdx = r.rdx;
  out.rsi = r.rsi, out.rdi = r.rdi, out.rsp = r.rsp, out.rbp = r.rbp;
  out.r8 = r.r8, out.r9 = r.r9, out.r10 = r.r10, out.r11 = r.r11;
  out.r12 = r.r12, out.r13 = r.r13, out.r14 = r.r14, out.r15 = r.r15;
  out.rip = r.rip, out.rflags = r.rflags;
}

// Leaves alone what the neutral form does not have: the APIC's base, CR8, a pending interrupt.
void put_special(const spore_x86_state& state, kvm_sregs& out) {
  out.cs = to_kvm(state.cs), out.ds = to_kvm(state.ds), out.es = to_kvm(state.es), out.fs = to_kvm(state.fs);
  out.gs = to_kvm(state.gs), out.ss = to_kvm(state.ss), out.tr = to_kvm(state.tr), out.ldt = to_kvm(state.ldt);
  out.gdt = to_kvm(state.gdt), out.idt = to_kvm(state.idt);
  out.cr0 = state.cr0, out.cr2 = state.cr2, out.cr3 = state.cr3, out.cr4 = state.cr4;
  out.efer = state.efer;
  // LMA follows from LME and paging; KVM wants it spelled out.
  const bool active = (state.efer & kEferLme) != 0 && (state.cr0 & kCr0Paging) != 0;
  out.efer = active ? out.efer | kEferLma : out.efer & ~kEferLma;
}

void put_special(const kvm_sregs& s, spore_x86_state& out) {
  out.cs = from_kvm(s.cs), out.ds = from_kvm(s.ds), out.es = from_kvm(s.es), out.fs = from_kvm(s.fs);
  out.gs = from_kvm(s.gs), out.ss = from_kvm(s.ss), out.tr = from_kvm(s.tr), out.ldt = from_kvm(s.ldt);
  out.gdt = from_kvm(s.gdt), out.idt = from_kvm(s.idt);
  out.cr0 = s.cr0, out.cr2 = s.cr2, out.cr3 = s.cr3, out.cr4 = s.cr4;
  out.efer = s.efer;
}

spore::Result<void> get_state(int fd, spore_x86_state& out) {
  kvm_regs general{};
  kvm_sregs special{};
  if (call(fd, KVM_GET_REGS, &general) != 0) return system_error("KVM_GET_REGS", errno);
  if (call(fd, KVM_GET_SREGS, &special) != 0) return system_error("KVM_GET_SREGS", errno);
  put_general(general, out);
  put_special(special, out);
  return {};
}

spore::Result<void> set_state(int fd, const spore_x86_state& state) {
  if (state.reserved != 0 || state.gdt.reserved != 0 || state.idt.reserved != 0) {
    return spore::fail(SPORE_E_INVALID, "a reserved field of the state is not 0");
  }
  kvm_sregs special{};
  if (call(fd, KVM_GET_SREGS, &special) != 0) return system_error("KVM_GET_SREGS", errno);
  put_special(state, special);
  if (call(fd, KVM_SET_SREGS, &special) != 0) return system_error("KVM refuses the special registers", errno);
  kvm_regs general = general_of(state);
  if (call(fd, KVM_SET_REGS, &general) != 0) return system_error("KVM refuses the general registers", errno);
  return {};
}

// The file descriptor of the vCPU.
spore::Result<int> fd_of(void* self, uint32_t index) {
  auto& backend = static_cast<KvmBackend&>(*static_cast<spore::Backend*>(self));
  SPORE_TRY(const Vcpu* vcpu, backend.vcpu(index));
  return vcpu->fd();
}

constexpr spore_x86_vcpu x86_vcpu() {
  spore_x86_vcpu table{};
  table.size = sizeof table;
  table.get_state = [](void* self, uint32_t index, spore_x86_state* out, spore_error* error) -> spore_status {
    return spore::guarded(error, [&]() -> spore::Result<void> {
      SPORE_TRY(const int fd, fd_of(self, index));
      return spore::detail::filled(out, [&](spore_x86_state& own) { return get_state(fd, own); });
    });
  };
  table.set_state = [](void* self, uint32_t index, const spore_x86_state* state, spore_error* error) -> spore_status {
    return spore::guarded(error, [&]() -> spore::Result<void> {
      SPORE_TRY(const int fd, fd_of(self, index));
      const auto own = spore::detail::taken(state);
      return own ? set_state(fd, *own) : spore::detail::too_short();
    });
  };
  return table;
}
constexpr spore_x86_vcpu kX86Vcpu = x86_vcpu();

} // namespace

const void* query_interface(std::string_view name) {
  return name == SPORE_X86_VCPU_1 ? &kX86Vcpu : nullptr;
}

} // namespace kvm::arch
