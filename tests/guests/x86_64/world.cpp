// x86-64: the states that the guest programs start in, and the page tables for long mode.
#include <cstring>

#include "tests/guests/harness.hpp"
#include "tests/guests/x86_64/real_mode.hpp"

namespace guests {
namespace {

constexpr uint64_t kPml4 = 0x1000, kPdpt = 0x2000, kPds = 0x3000; // four page directories, to 0x7000
constexpr uint64_t kPresentWritable = 3, kLargePage = 0x80;
constexpr uint64_t kGdt = 0x7000;
constexpr uint16_t kCode = 0x08, kData = 0x10;
constexpr uint16_t kCodeAttributes = 0xa09b, kDataAttributes = 0xc093, kBusyTaskAttributes = 0x8b,
                   kLdtAttributes = 0x82;

void put(std::span<uint8_t> ram, uint64_t gpa, uint64_t value) {
  std::memcpy(ram.subspan(gpa, sizeof value).data(), &value, sizeof value);
}

} // namespace

State entry_state(std::span<uint8_t> ram, uint64_t entry) {
  put(ram, kPml4, kPdpt | kPresentWritable);
  for (uint64_t gib = 0; gib < 4; ++gib) {
    put(ram, kPdpt + 8 * gib, (kPds + 0x1000 * gib) | kPresentWritable);
    for (uint64_t i = 0; i < 512; ++i) {
      put(ram, kPds + 0x1000 * gib + 8 * i, (gib << 30 | i << 21) | kPresentWritable | kLargePage);
    }
  }
  put(ram, kGdt + kCode, 0x00af9b000000ffff);
  put(ram, kGdt + kData, 0x00cf93000000ffff);

  spore_x86_state state{};
  state.size = sizeof state;
  state.rip = entry;
  state.rsp = kOrigin;
  state.rflags = 2;
  state.cs = {0, 0xffffffff, kCode, kCodeAttributes};
  state.ds = state.es = state.fs = state.gs = state.ss = {0, 0xffffffff, kData, kDataAttributes};
  state.tr = {0, 0xffff, 0, kBusyTaskAttributes};
  state.ldt = {0, 0xffff, 0, kLdtAttributes};
  state.gdt = {kGdt, 0x17, 0};
  state.cr0 = 0x80010033; // PG, WP, NE, ET, MP, PE
  state.cr3 = kPml4;
  state.cr4 = 0x620;  // OSXMMEXCPT, OSFXSR, PAE
  state.efer = 0x500; // LMA, LME
  return state;
}

spore::Result<void> prepare_vm(spore::testing::BackendHandle& /*backend*/, uint32_t /*flags*/) {
  return {};
}

uint64_t accumulator(const State& state) {
  return state.rax;
}

void set_count(State& state, uint64_t count) {
  state.rcx = count;
}

spore_x86_state real_mode_state(uint64_t rip) {
  spore_x86_state state{};
  state.size = sizeof state;
  state.rip = rip;
  state.rsp = kOrigin;
  state.rflags = 2;
  state.cs = {0, 0xffff, 0, 0x9b};
  state.ds = state.es = state.fs = state.gs = state.ss = {0, 0xffff, 0, 0x93};
  state.tr = {0, 0xffff, 0, kBusyTaskAttributes};
  state.ldt = {0, 0xffff, 0, kLdtAttributes};
  state.idt = {0, 0x3ff, 0};
  state.cr0 = 0x10; // ET
  return state;
}

} // namespace guests
