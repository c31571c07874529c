#include "core/arch/x86_64/boot.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace sporehost::arch::x86_64 {

namespace {

using spore::fail;
using spore::Result;

// Offsets in boot_params.
constexpr size_t kAcpiRsdpAddr = 0x070;
constexpr size_t kExtRamdiskImage = 0x0c0;
constexpr size_t kExtRamdiskSize = 0x0c4;
constexpr size_t kExtCmdLinePtr = 0x0c8;
constexpr size_t kE820Entries = 0x1e8;
constexpr size_t kSetupHeader = 0x1f1;
constexpr size_t kBootFlag = 0x1fe;
constexpr size_t kHeaderMagic = 0x202;
constexpr size_t kHeaderVersion = 0x206;
constexpr size_t kTypeOfLoader = 0x210;
constexpr size_t kLoadFlags = 0x211;
constexpr size_t kRamdiskImage = 0x218;
constexpr size_t kRamdiskSize = 0x21c;
constexpr size_t kCmdLinePtr = 0x228;
constexpr size_t kKernelAlignment = 0x230;
constexpr size_t kCmdlineSize = 0x238;
constexpr size_t kSetupData = 0x250;
constexpr size_t kHeaderRoomEnd = 0x290; // edd_mbr_sig_buffer follows
constexpr size_t kE820Table = 0x2d0;
constexpr size_t kE820Max = 128;
constexpr size_t kE820Size = 20;

constexpr uint8_t kLoaderUndefined = 0xff; // a boot loader without an assigned number
constexpr uint8_t kLoadedHigh = 1u << 0;
constexpr uint8_t kKeepSegments = 1u << 6;
constexpr uint8_t kCanUseHeap = 1u << 7;

constexpr uint16_t kBootCs = 0x10; // __BOOT_CS and __BOOT_DS, as the protocol demands
constexpr uint16_t kBootDs = 0x18;
constexpr uint16_t kBootTss = 0x20;

constexpr uint64_t kCr0Pe = 1u << 0;
constexpr uint64_t kCr0Et = 1u << 4;
constexpr uint64_t kCr0Ne = 1u << 5; // VMX insists on it
constexpr uint64_t kCr0Pg = uint64_t{1} << 31;
constexpr uint64_t kCr4Pae = 1u << 5;
constexpr uint64_t kEferLme = 1u << 8;
constexpr uint64_t kEferLma = 1u << 10;
constexpr uint64_t kRflagsReserved = 1u << 1;

constexpr uint64_t kPresentWritable = 0x3;
constexpr uint64_t kLargePage = 0x80;
constexpr size_t kTableEntries = 512;
constexpr size_t kDirectories = 4; // one for each GiB

template <typename T>
void put(ZeroPage& page, size_t offset, T value) {
  std::memcpy(page.data() + offset, &value, sizeof(value));
}

std::span<const uint8_t> as_bytes(std::span<const uint64_t> words) {
  return {reinterpret_cast<const uint8_t*>(words.data()), words.size_bytes()};
}

// A kernel without a header of its own still reads these; the values say "bzImage, protocol 2.15".
void put_default_header(ZeroPage& page) {
  put<uint16_t>(page, kBootFlag, 0xaa55);
  put<uint32_t>(page, kHeaderMagic, 0x53726448);
  put<uint16_t>(page, kHeaderVersion, 0x020f);
  put<uint32_t>(page, kKernelAlignment, 16 * kMiB);
  put<uint32_t>(page, kCmdlineSize, 2047);
}

// What a boot loader fills in. setup_data is a list in guest memory; the image's own value means nothing to us.
void put_loader_fields(ZeroPage& page, const BootInfo& info) {
  page[kTypeOfLoader] = kLoaderUndefined;
  page[kLoadFlags] = static_cast<uint8_t>((page[kLoadFlags] | kLoadedHigh) & ~(kKeepSegments | kCanUseHeap));
  put<uint32_t>(page, kCmdLinePtr, kCmdline);
  put<uint32_t>(page, kExtCmdLinePtr, 0);
  put<uint64_t>(page, kSetupData, 0);
  const uint64_t initrd = info.initrd_size != 0 ? info.initrd_gpa : 0;
  put<uint32_t>(page, kRamdiskImage, static_cast<uint32_t>(initrd));
  put<uint32_t>(page, kExtRamdiskImage, static_cast<uint32_t>(initrd >> 32));
  put<uint32_t>(page, kRamdiskSize, static_cast<uint32_t>(info.initrd_size));
  put<uint32_t>(page, kExtRamdiskSize, static_cast<uint32_t>(info.initrd_size >> 32));
  // Kernels before 4.20 ignore it and search 0xe0000 upwards, where the RSDP is.
  if (info.acpi) put<uint64_t>(page, kAcpiRsdpAddr, kAcpiTables);
}

Result<void> put_e820(ZeroPage& page, const Layout& layout) {
  if (layout.e820.size() > kE820Max) {
    return fail(SPORE_E_RANGE,
                "a memory map of " + std::to_string(layout.e820.size()) + " entries; boot_params holds 128");
  }
  page[kE820Entries] = static_cast<uint8_t>(layout.e820.size());
  size_t at = kE820Table;
  for (const E820Entry& entry : layout.e820) {
    put<uint64_t>(page, at, entry.gpa);
    put<uint64_t>(page, at + 8, entry.size);
    put<uint32_t>(page, at + 16, static_cast<uint32_t>(entry.type));
    at += kE820Size;
  }
  return {};
}

// Attributes of a segment as the descriptor has them, without its limit (Intel SDM 3A 3.4.5).
constexpr uint16_t kCode64 = 0xa09b;    // 4 KiB units, 64-bit, present, code: execute, read, accessed
constexpr uint16_t kData = 0xc093;      // 4 KiB units, 32-bit, present, data: read, write, accessed
constexpr uint16_t kBusyTss = 0x008b;   // present, busy 64-bit TSS
constexpr uint16_t kNoSegment = 0x0002; // an LDT that is not present: unusable
constexpr uint32_t kTssLimit = 0x67;    // the smallest 64-bit TSS

spore_x86_segment flat_segment(uint16_t selector, uint16_t attributes) {
  return {.base = 0, .limit = UINT32_MAX, .selector = selector, .attributes = attributes};
}

// The GDT entry for a segment at base 0; of a limit counted in pages, the low 20 bits.
constexpr uint64_t descriptor(uint16_t attributes, uint32_t limit) {
  return uint64_t{attributes} << 40 | uint64_t{limit >> 16 & 0xf} << 48 | (limit & 0xffff);
}

} // namespace

Result<ZeroPage> make_zero_page(const BootInfo& info, const Layout& layout) {
  ZeroPage page{};
  if (info.setup_header.empty()) {
    put_default_header(page);
  } else if (info.setup_header.size() > kHeaderRoomEnd - kSetupHeader) {
    return fail(SPORE_E_RANGE, "the kernel's setup header of " + std::to_string(info.setup_header.size()) +
                                   " bytes does not fit into boot_params");
  } else {
    std::copy(info.setup_header.begin(), info.setup_header.end(), page.begin() + kSetupHeader);
  }
  put_loader_fields(page, info);
  SPORE_CHECK(put_e820(page, layout));
  return page;
}

std::array<uint64_t, kGdtEntries> make_gdt() {
  // The TSS takes two entries in 64-bit mode.
  return {0, 0, descriptor(kCode64, UINT32_MAX), descriptor(kData, UINT32_MAX), descriptor(kBusyTss, kTssLimit), 0};
}

std::array<uint64_t, kPageTableWords> make_page_tables() {
  std::array<uint64_t, kPageTableWords> words{};
  uint64_t* pml4 = words.data();
  uint64_t* pdpt = pml4 + kTableEntries;
  uint64_t* directories = pdpt + kTableEntries;
  pml4[0] = (kPageTables + kPage) | kPresentWritable;
  for (size_t i = 0; i < kDirectories; ++i) pdpt[i] = (kPageTables + (2 + i) * kPage) | kPresentWritable;
  for (size_t i = 0; i < kDirectories * kTableEntries; ++i) {
    directories[i] = i * 2 * kMiB | kLargePage | kPresentWritable;
  }
  return words;
}

spore_x86_state make_boot_state(uint64_t entry_gpa) {
  spore_x86_state state{};
  state.size = sizeof(state);
  state.rip = entry_gpa;
  state.rsp = kBootStackTop;
  state.rsi = kZeroPage;
  state.rflags = kRflagsReserved;
  state.cs = flat_segment(kBootCs, kCode64);
  const spore_x86_segment data = flat_segment(kBootDs, kData);
  state.ds = state.es = state.fs = state.gs = state.ss = data;
  state.tr = {.base = 0, .limit = kTssLimit, .selector = kBootTss, .attributes = kBusyTss};
  state.ldt.attributes = kNoSegment;
  state.gdt = {.base = kGdt, .limit = kGdtEntries * sizeof(uint64_t) - 1, .reserved = 0};
  // The IDT stays empty: an exception before the kernel has its own ends in a triple fault, which the backend reports.
  state.cr0 = kCr0Pe | kCr0Et | kCr0Ne | kCr0Pg;
  state.cr3 = kPageTables;
  state.cr4 = kCr4Pae;
  state.efer = kEferLme | kEferLma;
  return state;
}

Result<spore_x86_state> write_boot(GuestWriter& guest, const BootInfo& info, const Layout& layout) {
  if (info.cmdline.size() + 1 > kCmdlineRoom) {
    return fail(SPORE_E_RANGE, "a command line of " + std::to_string(info.cmdline.size()) +
                                   " bytes; the board has room for " + std::to_string(kCmdlineRoom - 1));
  }
  SPORE_TRY(const ZeroPage page, make_zero_page(info, layout));
  std::vector<uint8_t> cmdline(info.cmdline.begin(), info.cmdline.end());
  cmdline.push_back(0);
  SPORE_CHECK(guest.write(kGdt, as_bytes(make_gdt())));
  SPORE_CHECK(guest.write(kPageTables, as_bytes(make_page_tables())));
  SPORE_CHECK(guest.write(kCmdline, cmdline));
  SPORE_CHECK(guest.write(kZeroPage, page));
  return make_boot_state(info.entry_gpa);
}

} // namespace sporehost::arch::x86_64
