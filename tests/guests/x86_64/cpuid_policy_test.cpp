// What the KVM backend makes of the CPUID that KVM supports.
#include <gtest/gtest.h>

#include "plugins/kvm/x86_64/cpuid.hpp"

namespace kvm::x86 {
namespace {

kvm_cpuid_entry2 entry(uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx) {
  kvm_cpuid_entry2 made{};
  made.function = function;
  made.index = index;
  made.eax = eax, made.ebx = ebx, made.ecx = ecx, made.edx = edx;
  return made;
}

kvm_cpuid_entry2 find(const CpuidTable& table, uint32_t function, uint32_t index = 0) {
  for (const auto& found : table) {
    if (found.function == function && found.index == index) return found;
  }
  ADD_FAILURE() << "no leaf " << std::hex << function << "." << index;
  return {};
}

constexpr uint32_t kAll = ~0U;

TEST(CpuidPolicy, FeaturesThatGuestsMustNotHaveAreTakenOut) {
  const CpuidTable table = vm_cpuid(
      {entry(1, 0, kAll, kAll, kAll, kAll), entry(5, 0, kAll, kAll, kAll, kAll), entry(0xa, 0, kAll, kAll, kAll, kAll),
       entry(0x80000001, 0, 0, 0, kAll, 0), entry(0x80000022, 0, kAll, kAll, kAll, kAll)},
      1, false);
  const auto features = find(table, 1);
  for (const unsigned bit : {3U, 5U, 15U, 24U}) EXPECT_FALSE(features.ecx & 1U << bit) << "ECX bit " << bit;
  EXPECT_FALSE(features.edx & 1U << 28);
  EXPECT_EQ(features.ebx & 0xff00, 0xff00U) << "the cache line size stays";
  EXPECT_EQ(find(table, 5).ecx, 0U);
  EXPECT_EQ(find(table, 0xa).eax, 0U);
  EXPECT_EQ(find(table, 0x80000022).eax, 0U);
  for (const unsigned bit : {2U, 23U, 24U, 28U}) EXPECT_FALSE(find(table, 0x80000001).ecx & 1U << bit) << bit;
}

TEST(CpuidPolicy, FeaturesOfAVirtualProcessorAreThere) {
  const auto with = find(vm_cpuid({entry(1, 0, 0, 0, 0, 0)}, 2, true), 1);
  for (const unsigned bit : {21U, 24U, 31U}) EXPECT_TRUE(with.ecx & 1U << bit) << "ECX bit " << bit;
  EXPECT_TRUE(with.edx & 1U << 28);
  EXPECT_FALSE(find(vm_cpuid({entry(1, 0, 0, 0, 0, 0)}, 2, false), 1).ecx & 1U << 24) << "TSC deadline";
}

TEST(CpuidPolicy, CachesAreSharedByTheVmsOwnProcessors) {
  constexpr uint32_t kHostSharing = 0xfc7fU << 14; // the host's counts, which must go
  const CpuidTable table =
      vm_cpuid({entry(4, 0, 0x121 | kHostSharing, 0, 0, 0), entry(4, 3, 0x163 | kHostSharing, 0, 0, 0),
                entry(4, 4, 0, 0, 0, 0), entry(0x8000001d, 3, 0x163 | kHostSharing, 0, 0, 0)},
               5, false);
  EXPECT_EQ(find(table, 4, 0).eax, 0x121U | 7U << 26) << "level 1: of one core; eight core ids";
  EXPECT_EQ(find(table, 4, 3).eax, 0x163U | 7U << 14 | 7U << 26) << "level 3: of all";
  EXPECT_EQ(find(table, 4, 4).eax, 0U) << "the end of the list";
  EXPECT_EQ(find(table, 0x8000001d, 3).eax, 0x163U | 7U << 14);
}

TEST(CpuidPolicy, TopologyLeavesAreReplaced) {
  const CpuidTable table = vm_cpuid(
      {entry(0xb, 0, kAll, kAll, kAll, kAll), entry(0x1f, 0, kAll, kAll, kAll, kAll), entry(0x1f, 3, 1, 1, 1, 1)}, 6,
      false);
  for (const uint32_t leaf : {0xbU, 0x1fU}) {
    EXPECT_EQ(find(table, leaf, 0).eax, 0U);
    EXPECT_EQ(find(table, leaf, 0).ecx, 0x100U);
    EXPECT_EQ(find(table, leaf, 1).eax, 3U);
    EXPECT_EQ(find(table, leaf, 1).ebx, 6U);
    EXPECT_EQ(find(table, leaf, 1).ecx, 0x201U);
    EXPECT_EQ(find(table, leaf, 2).ebx, 0U);
  }
  EXPECT_EQ(table.size(), 6U) << "nothing of the host's is left";
}

TEST(CpuidPolicy, AmdCountsCores) {
  const CpuidTable table = vm_cpuid({entry(0x80000008, 0, 0x3030, 0, 0xf0ff, 0)}, 6, false);
  EXPECT_EQ(find(table, 0x80000008).ecx, 0x3005U);
}

TEST(CpuidPolicy, EachProcessorHasItsId) {
  CpuidTable table = vm_cpuid({entry(1, 0, 0, 0x00ff0800, 0, 0), entry(0x8000001e, 0, kAll, kAll, kAll, 0)}, 8, false);
  set_apic_id(table, 5);
  EXPECT_EQ(find(table, 1).ebx, 0x05080800U);
  EXPECT_EQ(find(table, 0xb, 0).edx, 5U);
  EXPECT_EQ(find(table, 0xb, 2).edx, 5U);
  EXPECT_EQ(find(table, 0x8000001e).eax, 5U);
  EXPECT_EQ(find(table, 0x8000001e).ebx, 5U);
}

TEST(CpuidPolicy, GuestAddressBits) {
  EXPECT_EQ(physical_address_bits({entry(0x80000008, 0, 0x3930, 0, 0, 0)}), 0x30U);
  EXPECT_EQ(physical_address_bits({entry(0x80000008, 0, 0x283930, 0, 0, 0)}), 0x28U);
  EXPECT_EQ(physical_address_bits({}), 36U);
}

} // namespace
} // namespace kvm::x86
