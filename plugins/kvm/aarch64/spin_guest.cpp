// arm64: the guest that measures speed. It runs at EL1 with the MMU off.
#include <array>
#include <cstring>

#include "plugins/kvm/aarch64/registers.hpp"
#include "plugins/kvm/arch.hpp"

namespace kvm::arch {
namespace {

constexpr uint64_t kCode = 0x4000, kStackTop = 0x7000, kData = 0x5000;
constexpr uint64_t kQuestion = 0x20000; // no memory is there: an MMIO read
static_assert(kQuestion >= kSpinRamBytes);
constexpr uint64_t kEl1hMasked = 0x3c5;

// Some of what compiled code is made of; as on x86-64.
constexpr uint32_t kProgram[] = {
    0xb9400040, // 1: ldr  w0, [x2]        how many spins?
    0xf81f0fe0, // 2: str  x0, [sp, #-16]!
    0xf9400061, //    ldr  x1, [x3]
    0x91000421, //    add  x1, x1, #1
    0xf9000061, //    str  x1, [x3]
    0x94000005, //    bl   3f
    0xf84107e0, //    ldr  x0, [sp], #16
    0x71000400, //    subs w0, w0, #1
    0x54ffff21, //    b.ne 2b
    0x17fffff7, //    b    1b
    0xd65f03c0, // 3: ret
};
static_assert(kSpinInstructions == 9); // from 2 to b.ne, and ret

} // namespace

spore::Result<void> install_spin_guest(int vm_fd, int vcpu_fd, std::span<uint8_t> ram) {
  std::memcpy(ram.subspan(kCode, sizeof kProgram).data(), kProgram, sizeof kProgram);
  SPORE_CHECK(arm64::init_vcpu(vm_fd, vcpu_fd, false));
  SPORE_CHECK(arm64::set_register(vcpu_fd, arm64::x_register(2), kQuestion));
  SPORE_CHECK(arm64::set_register(vcpu_fd, arm64::x_register(3), kData));
  SPORE_CHECK(arm64::set_register(vcpu_fd, arm64::kSpEl1, kStackTop));
  SPORE_CHECK(arm64::set_register(vcpu_fd, arm64::kPstate, kEl1hMasked));
  return arm64::set_register(vcpu_fd, arm64::kPc, kCode);
}

} // namespace kvm::arch
