// Register state in and out, and what CPUID says.
#include <bit>
#include <cstring>

#include "tests/guests/guest_test.hpp"

namespace guests {
namespace {

constexpr uint64_t spore_x86_state::*kGeneral[] = {
    &spore_x86_state::rax, &spore_x86_state::rbx, &spore_x86_state::rcx, &spore_x86_state::rdx, &spore_x86_state::rsi,
    &spore_x86_state::rdi, &spore_x86_state::rbp, &spore_x86_state::r8,  &spore_x86_state::r9,  &spore_x86_state::r10,
    &spore_x86_state::r11, &spore_x86_state::r12, &spore_x86_state::r13, &spore_x86_state::r14, &spore_x86_state::r15};

bool same_segment(const spore_x86_segment& a, const spore_x86_segment& b) {
  return a.base == b.base && a.limit == b.limit && a.selector == b.selector && a.attributes == b.attributes;
}

TEST_F(GuestTest, StateComesBackAsItWasSet) {
  ASSERT_TRUE(machine.open(1));
  spore_x86_state set = entry_state({machine.ram().data(), kRamBytes}, kOrigin);
  uint64_t value = 0x0123456789abcdef;
  for (const auto reg : kGeneral) set.*reg = value = std::rotl(value, 7);
  set.fs.base = 0x1234;
  set.idt = {0x5000, 0xfff, 0};
  machine.set_state(set);
  const spore_x86_state got = machine.state();

  for (const auto reg : kGeneral) EXPECT_EQ(got.*reg, set.*reg);
  EXPECT_EQ(got.rip, set.rip);
  EXPECT_EQ(got.rsp, set.rsp);
  EXPECT_EQ(got.rflags, set.rflags);
  EXPECT_EQ(got.cr0, set.cr0);
  EXPECT_EQ(got.cr3, set.cr3);
  EXPECT_EQ(got.cr4, set.cr4);
  EXPECT_EQ(got.efer, set.efer);
  EXPECT_TRUE(same_segment(got.cs, set.cs));
  EXPECT_TRUE(same_segment(got.ds, set.ds));
  EXPECT_TRUE(same_segment(got.fs, set.fs));
  EXPECT_TRUE(same_segment(got.ss, set.ss));
  EXPECT_TRUE(same_segment(got.tr, set.tr));
  EXPECT_EQ(got.gdt.base, set.gdt.base);
  EXPECT_EQ(got.gdt.limit, set.gdt.limit);
  EXPECT_EQ(got.idt.base, set.idt.base);
  EXPECT_EQ(got.idt.limit, set.idt.limit);
}

TEST_F(GuestTest, TheGuestWorksOnTheStateThatWasSet) {
  boot("registers");
  spore_x86_state set = machine.state();
  uint64_t value = 0x0123456789abcdef;
  for (const auto reg : kGeneral) set.*reg = value = std::rotl(value, 7);
  machine.set_state(set);
  ASSERT_TRUE(machine.run_to_done()) << machine.error();
  const spore_x86_state got = machine.state();
  for (const auto reg : kGeneral) EXPECT_EQ(got.*reg, set.*reg + 1);
  EXPECT_EQ(got.rsp, set.rsp);
}

struct Leaf {
  uint64_t eax, ebx, ecx, edx;
};

Leaf cpuid(GuestMachine& machine, uint32_t leaf, uint32_t index) {
  spore_x86_state state = entry_state({machine.ram().data(), kRamBytes}, kOrigin);
  state.rax = leaf;
  state.rcx = index;
  machine.set_state(state);
  EXPECT_TRUE(machine.run_to_done()) << machine.error();
  const spore_x86_state after = machine.state();
  return {after.rax, after.rbx, after.rcx, after.rdx};
}

TEST_F(GuestTest, CpuidShowsTheTopologyOfTheVm) {
  boot("cpuid", 3);
  const Leaf features = cpuid(machine, 1, 0);
  EXPECT_EQ(features.ebx >> 24, 0U) << "APIC id";
  EXPECT_EQ(features.ebx >> 16 & 0xff, 4U) << "logical processors, as a power of two";
  EXPECT_TRUE(features.ecx & 1U << 31) << "hypervisor";
  EXPECT_TRUE(features.ecx & 1U << 21) << "x2APIC";
  EXPECT_FALSE(features.ecx & 1U << 3) << "MONITOR";
  EXPECT_TRUE(features.edx & 1U << 28) << "several logical processors";

  const Leaf threads = cpuid(machine, 0xb, 0);
  EXPECT_EQ(threads.ebx, 1U);
  EXPECT_EQ(threads.ecx, 0x100U);
  const Leaf cores = cpuid(machine, 0xb, 1);
  EXPECT_EQ(cores.eax, 2U) << "bits of the APIC id";
  EXPECT_EQ(cores.ebx, 3U);
  EXPECT_EQ(cores.ecx, 0x201U);
  EXPECT_EQ(cpuid(machine, 0xa, 0).eax, 0U) << "performance counters";
}

TEST_F(GuestTest, CpuidOfASingleProcessor) {
  boot("cpuid", 1);
  const Leaf features = cpuid(machine, 1, 0);
  // Not HTT: beside a count of 1 it says nothing, and some KVMs show it whatever they are told.
  EXPECT_EQ(features.ebx >> 16 & 0xff, 1U);
  EXPECT_EQ(cpuid(machine, 0xb, 1).eax, 0U);
}

} // namespace
} // namespace guests
