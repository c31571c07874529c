// arm64: the state that the guest programs start in, and the page tables for it.
#include <cstring>

#include "tests/guests/harness.hpp"

namespace guests {
namespace {

constexpr uint64_t kLevel1 = 0x1000, kLevel2 = 0x2000, kEnter = 0x3000;
constexpr uint64_t kGicDist = 0x08000000, kGicRedist = 0x080a0000; // interrupts.S knows them, too

// Descriptors (Arm ARM, D8.3): a table; a block that was accessed, inner shareable, normal or device memory.
constexpr uint64_t kTable = 3, kNormal = 0x701, kDevice = 0x405 | uint64_t{1} << 54 | uint64_t{1} << 53;
constexpr uint64_t kMair = 0x00ff; // 0: normal write-back, 1: device nGnRnE
// 39 bits of address, 4 KiB granule, walks cached and inner shareable, nothing in the upper half, 40 bits out.
constexpr uint64_t kTcr = 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | uint64_t{2} << 32;
constexpr uint64_t kEl1hMasked = 0x3c5;

// Before each guest: MMU and caches on, then to the program in x30. Changes x13 and x14.
constexpr uint32_t kEnterCode[] = {
    0xd518200a, // msr ttbr0_el1, x10
    0xd518204b, // msr tcr_el1, x11
    0xd518a20c, // msr mair_el1, x12
    0xd5033fdf, // isb
    0xd538100d, // mrs x13, sctlr_el1
    0xd28200ae, // mov x14, #0x1005      I, C, M
    0xaa0e01ad, // orr x13, x13, x14
    0xd518100d, // msr sctlr_el1, x13
    0xd5033fdf, // isb
    0xd65f03c0, // ret
};

void put(std::span<uint8_t> ram, uint64_t gpa, uint64_t value) {
  std::memcpy(ram.subspan(gpa, sizeof value).data(), &value, sizeof value);
}

} // namespace

State entry_state(std::span<uint8_t> ram, uint64_t entry) {
  // The first 2 MiB and the second GiB may have memory; the rest is devices.
  put(ram, kLevel1, kLevel2 | kTable);
  for (uint64_t gib = 1; gib < 4; ++gib) put(ram, kLevel1 + 8 * gib, gib << 30 | (gib == 1 ? kNormal : kDevice));
  for (uint64_t i = 0; i < 512; ++i) put(ram, kLevel2 + 8 * i, i << 21 | (i == 0 ? kNormal : kDevice));
  std::memcpy(ram.subspan(kEnter, sizeof kEnterCode).data(), kEnterCode, sizeof kEnterCode);

  State state{};
  state.size = sizeof state;
  state.x[10] = kLevel1;
  state.x[11] = kTcr;
  state.x[12] = kMair;
  state.x[28] = kPortWindow;
  state.x[30] = entry;
  state.sp_el1 = kOrigin;
  state.pc = kEnter;
  state.pstate = kEl1hMasked;
  return state;
}

spore::Result<void> prepare_vm(spore::testing::BackendHandle& backend, uint32_t flags) {
  if ((flags & SPORE_VM_IRQCHIP) == 0) return {};
  const auto* vm = backend.find<spore_arm64_vm>(SPORE_ARM64_VM_1);
  if (vm == nullptr) return spore::fail(SPORE_E_UNSUPPORTED, "the backend does not offer " SPORE_ARM64_VM_1);
  return backend.call("set_gic",
                      [&](spore_error* error) { return vm->set_gic(backend.self(), kGicDist, kGicRedist, error); });
}

uint64_t accumulator(const State& state) {
  return state.x[0];
}

void set_count(State& state, uint64_t count) {
  state.x[1] = count;
}

} // namespace guests
