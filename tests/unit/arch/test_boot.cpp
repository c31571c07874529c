#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/arch/x86_64/boot.hpp"
#include "tests/unit/arch/fake_guest.hpp"

namespace sporehost::arch::x86_64 {
namespace {

using testing::FakeGuest;

constexpr uint64_t kEntry = 0x1000000;

Layout auto_layout() {
  return *board_layout(512 * kMiB, 15872 * kMiB);
}

TEST(Boot, TheZeroPageOfAnElfKernelLooksLikeABootLoadersWork) {
  FakeGuest guest;
  const BootInfo info{.entry_gpa = kEntry,
                      .setup_header = {},
                      .cmdline = "console=ttyS0 quiet",
                      .initrd_gpa = 0x1f000000,
                      .initrd_size = 0x123456,
                      .acpi = true};
  ASSERT_TRUE(write_boot(guest, info, auto_layout()).ok());
  EXPECT_EQ(guest.read<uint16_t>(kZeroPage + 0x1fe), 0xaa55);
  EXPECT_EQ(guest.read<uint32_t>(kZeroPage + 0x202), 0x53726448u);
  EXPECT_EQ(guest.read<uint8_t>(kZeroPage + 0x210), 0xff);
  EXPECT_EQ(guest.read<uint8_t>(kZeroPage + 0x211), 0x01);
  EXPECT_EQ(guest.read<uint32_t>(kZeroPage + 0x218), 0x1f000000u);
  EXPECT_EQ(guest.read<uint32_t>(kZeroPage + 0x21c), 0x123456u);
  EXPECT_EQ(guest.read<uint64_t>(kZeroPage + 0x070), kAcpiTables);
  EXPECT_EQ(guest.text(guest.read<uint32_t>(kZeroPage + 0x228)), "console=ttyS0 quiet");
}

TEST(Boot, TheMemoryMapIsInTheZeroPage) {
  const Layout layout = auto_layout();
  const auto page = make_zero_page({}, layout);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ((*page)[0x1e8], layout.e820.size());
  for (size_t i = 0; i < layout.e820.size(); ++i) {
    EXPECT_EQ(testing::at<uint64_t>(*page, 0x2d0 + 20 * i), layout.e820[i].gpa);
    EXPECT_EQ(testing::at<uint64_t>(*page, 0x2d0 + 20 * i + 8), layout.e820[i].size);
    EXPECT_EQ(testing::at<uint32_t>(*page, 0x2d0 + 20 * i + 16), static_cast<uint32_t>(layout.e820[i].type));
  }
}

TEST(Boot, TheSetupHeaderIsCopiedAndTheLoadersFieldsReplaced) {
  std::vector<uint8_t> header(0x26c - 0x1f1, 0xee);
  const auto page = make_zero_page({.setup_header = header}, auto_layout());
  ASSERT_TRUE(page.ok());
  EXPECT_EQ((*page)[0x1f1], 0xee);
  EXPECT_EQ((*page)[0x26b], 0xee);
  EXPECT_EQ((*page)[0x26c], 0x00);
  EXPECT_EQ((*page)[0x210], 0xff);
  EXPECT_EQ((*page)[0x211], (0xee | 0x01) & ~0xc0);
  EXPECT_EQ(testing::at<uint64_t>(*page, 0x250), 0u); // setup_data
  EXPECT_EQ(testing::at<uint64_t>(*page, 0x218), 0u); // no initrd
  header.resize(0x300);
  EXPECT_FALSE(make_zero_page({.setup_header = header}, auto_layout()).ok());
}

TEST(Boot, AnInitrdAbove4GiBUsesTheUpperHalves) {
  const auto page = make_zero_page({.initrd_gpa = 0x123456789000, .initrd_size = 0x1'0000'0002}, auto_layout());
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(testing::at<uint32_t>(*page, 0x218), 0x56789000u);
  EXPECT_EQ(testing::at<uint32_t>(*page, 0x0c0), 0x1234u);
  EXPECT_EQ(testing::at<uint32_t>(*page, 0x21c), 2u);
  EXPECT_EQ(testing::at<uint32_t>(*page, 0x0c4), 1u);
}

TEST(Boot, WithoutAcpiThereIsNoRsdp) {
  const auto page = make_zero_page({.acpi = false}, auto_layout());
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(testing::at<uint64_t>(*page, 0x070), 0u);
}

// Walks the page tables as the processor does.
uint64_t translate(const FakeGuest& guest, uint64_t cr3, uint64_t address) {
  uint64_t table = cr3;
  for (int level = 3; level >= 1; --level) {
    const uint64_t entry = guest.read<uint64_t>(table + (address >> (12 + 9 * level) & 0x1ff) * 8);
    if ((entry & 1) == 0) return UINT64_MAX;
    if (level == 1) return (entry & 0x80) != 0 ? (entry & ~uint64_t{0x1fffff}) + (address & 0x1fffff) : UINT64_MAX;
    table = entry & ~uint64_t{0xfff};
  }
  return UINT64_MAX;
}

TEST(Boot, TheFirst4GiBAreMappedToThemselves) {
  FakeGuest guest;
  const auto state = write_boot(guest, {.entry_gpa = kEntry, .setup_header = {}, .cmdline = ""}, auto_layout());
  ASSERT_TRUE(state.ok());
  for (const uint64_t address : {uint64_t{0}, kZeroPage, kCmdline, kEntry, kLowRamMax - 1, kLocalApic, 4 * kGiB - 1}) {
    EXPECT_EQ(translate(guest, state->cr3, address), address);
  }
  EXPECT_EQ(translate(guest, state->cr3, 4 * kGiB), UINT64_MAX);
}

TEST(Boot, TheRegistersAreThoseOfTheProtocol) {
  const spore_x86_state state = make_boot_state(kEntry);
  EXPECT_EQ(state.size, sizeof(state));
  EXPECT_EQ(state.rip, kEntry);
  EXPECT_EQ(state.rsi, kZeroPage);
  EXPECT_EQ(state.rflags, 2u);
  EXPECT_EQ(state.cr0 & 0x80000001, 0x80000001u); // PG, PE
  EXPECT_EQ(state.cr4, 0x20u);
  EXPECT_EQ(state.efer, 0x500u);
  EXPECT_EQ(state.cs.selector, 0x10);
  for (const auto* segment : {&state.ds, &state.es, &state.fs, &state.gs, &state.ss}) {
    EXPECT_EQ(segment->selector, 0x18);
    EXPECT_EQ(segment->base, 0u);
    EXPECT_EQ(segment->limit, 0xffffffffu);
  }
  EXPECT_NE(state.cs.attributes & 1u << 13, 0); // L
  EXPECT_EQ(state.cs.attributes & 1u << 14, 0); // not D, as L demands
}

// What a segment register caches must be what a reload from the GDT would give.
TEST(Boot, TheGdtAgreesWithTheSegmentRegisters) {
  const auto gdt = make_gdt();
  const spore_x86_state state = make_boot_state(kEntry);
  EXPECT_EQ(gdt[0], 0u);
  for (const auto& segment : {state.cs, state.ds, state.tr}) {
    const uint64_t word = gdt.at(segment.selector / 8);
    EXPECT_EQ((word >> 40) & 0xf0ff, segment.attributes);
    uint64_t limit = (word & 0xffff) | (word >> 32 & 0xf0000);
    if ((segment.attributes & 0x8000) != 0) limit = limit << 12 | 0xfff;
    EXPECT_EQ(limit, segment.limit);
  }
  EXPECT_EQ(gdt[2], 0x00af9b000000ffffu); // the textbook values
  EXPECT_EQ(gdt[3], 0x00cf93000000ffffu);
  EXPECT_GE(state.gdt.limit, state.tr.selector + 15u);
}

TEST(Boot, TheTablesDoNotOverlap) {
  EXPECT_LE(kGdt + sizeof(make_gdt()), kZeroPage);
  EXPECT_LE(kZeroPage + kPage, kBootStackTop);
  EXPECT_LE(kBootStackTop, kPageTables);
  EXPECT_LE(kPageTables + kPageTableWords * 8, kCmdline);
  EXPECT_LE(kCmdline + kCmdlineRoom, kEbda);
}

TEST(Boot, RefusesACommandLineWithoutRoom) {
  FakeGuest guest;
  const std::string fits(kCmdlineRoom - 1, 'x');
  EXPECT_TRUE(write_boot(guest, {.cmdline = fits}, auto_layout()).ok());
  EXPECT_FALSE(write_boot(guest, {.cmdline = fits + "x"}, auto_layout()).ok());
}

TEST(Boot, PassesOnAGuestWritersError) {
  FakeGuest tiny(0x8000);
  const auto state = write_boot(tiny, {}, auto_layout());
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.error().status, SPORE_E_RANGE);
}

} // namespace
} // namespace sporehost::arch::x86_64
