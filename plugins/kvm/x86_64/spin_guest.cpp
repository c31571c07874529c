// x86-64: the guest that measures speed. It runs in long mode, as Linux does; some processors emulate older modes.
#include <linux/kvm.h>

#include <cerrno>
#include <cstring>

#include "plugins/kvm/arch.hpp"

namespace kvm::arch {
namespace {

constexpr uint64_t kPml4 = 0x1000, kPdpt = 0x2000, kPd = 0x3000, kCode = 0x4000, kStackTop = 0x7000; // data at 0x5000
constexpr uint64_t kPresentWritable = 3, kLargePage = 0x80;
constexpr uint64_t kCr0 = 0x80010031; // PG, WP, NE, ET, PE
constexpr uint64_t kCr4Pae = 0x20;
constexpr uint64_t kEferLongMode = 0x500; // LMA, LME

// Some of what compiled code is made of; an emulator may be many times as quick at a loop of two instructions.
constexpr uint8_t kProgram[] = {
    0xe5, 0x10,                                     // 1: in    eax, 0x10     how many spins?
    0x50,                                           // 2: push  rax
    0x48, 0x8b, 0x1c, 0x25, 0x00, 0x50, 0x00, 0x00, //    mov   rbx, [0x5000]
    0x48, 0x83, 0xc3, 0x01,                         //    add   rbx, 1
    0x48, 0x89, 0x1c, 0x25, 0x00, 0x50, 0x00, 0x00, //    mov   [0x5000], rbx
    0xe8, 0x07, 0x00, 0x00, 0x00,                   //    call  3f
    0x58,                                           //    pop   rax
    0xff, 0xc8,                                     //    dec   eax
    0x75, 0xe1,                                     //    jnz   2b
    0xeb, 0xdd,                                     //    jmp   1b
    0xc3,                                           // 3: ret
};
static_assert(kSpinInstructions == 9);

void put(std::span<uint8_t> ram, uint64_t gpa, uint64_t value) {
  std::memcpy(ram.subspan(gpa, sizeof value).data(), &value, sizeof value);
}

kvm_segment flat(uint16_t selector, uint8_t type, bool code) {
  kvm_segment segment{};
  segment.limit = 0xffffffff;
  segment.selector = selector;
  segment.type = type;
  segment.present = 1;
  segment.s = 1;
  segment.g = 1;
  segment.l = code ? 1 : 0;
  segment.db = code ? 0 : 1;
  return segment;
}

} // namespace

spore::Result<void> install_spin_guest(int /*vm_fd*/, int vcpu_fd, std::span<uint8_t> ram) {
  put(ram, kPml4, kPdpt | kPresentWritable);
  put(ram, kPdpt, kPd | kPresentWritable);
  put(ram, kPd, kPresentWritable | kLargePage); // the first 2 MiB, one to one
  std::memcpy(ram.subspan(kCode, sizeof kProgram).data(), kProgram, sizeof kProgram);

  kvm_sregs special{};
  if (call(vcpu_fd, KVM_GET_SREGS, &special) != 0) return system_error("KVM_GET_SREGS", errno);
  special.cs = flat(0x8, 0xb, true);
  special.ds = special.es = special.fs = special.gs = special.ss = flat(0x10, 0x3, false);
  special.cr0 = kCr0;
  special.cr3 = kPml4;
  special.cr4 = kCr4Pae;
  special.efer = kEferLongMode;
  if (call(vcpu_fd, KVM_SET_SREGS, &special) != 0) return system_error("KVM_SET_SREGS", errno);
  kvm_regs general{};
  general.rip = kCode;
  general.rsp = kStackTop;
  general.rflags = 2;
  if (call(vcpu_fd, KVM_SET_REGS, &general) != 0) return system_error("KVM_SET_REGS", errno);
  return {};
}

} // namespace kvm::arch
