#include "tiny_kernel.hpp"

#include <elf.h>

#include <cstring>

namespace cli {
namespace {

constexpr uint64_t kLoadAddress = 2u << 20;
constexpr uint64_t kCodeOffset = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);

// mov $0x600, %dx; mov $0x34, %al; out %al, %dx; 1: hlt; jmp 1b
constexpr char kPowerOff[] = "\x66\xba\x00\x06\xb0\x34\xee\xf4\xeb\xfd";

template <typename Integer>
void put(std::string& image, size_t at, Integer value) {
  std::memcpy(image.data() + at, &value, sizeof value);
}

} // namespace

std::string tiny_elf_kernel(uint16_t machine) {
  const std::string code(kPowerOff, sizeof kPowerOff - 1);
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = machine;
  header.e_version = EV_CURRENT;
  header.e_entry = kLoadAddress;
  header.e_phoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr load{};
  load.p_type = PT_LOAD;
  load.p_flags = PF_R | PF_X;
  load.p_offset = kCodeOffset;
  load.p_vaddr = load.p_paddr = kLoadAddress;
  load.p_filesz = load.p_memsz = code.size();
  load.p_align = 1;
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) +
         std::string(reinterpret_cast<const char*>(&load), sizeof load) + code;
}

// Offsets: Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".
std::string bzimage_head() {
  std::string image(1024, '\0');
  put<uint8_t>(image, 0x1f1, 1);           // setup_sects: the setup ends at 1024
  put<uint32_t>(image, 0x1f4, 65536 / 16); // syssize, in paragraphs
  put<uint16_t>(image, 0x1fe, 0xaa55);     // boot_flag
  put<uint8_t>(image, 0x201, 0x6a);        // the jump over the header ends it at 0x26c
  std::memcpy(image.data() + 0x202, "HdrS", 4);
  put<uint16_t>(image, 0x206, 0x020f);     // version 2.15
  put<uint8_t>(image, 0x211, 1);           // loadflags: LOADED_HIGH
  put<uint32_t>(image, 0x22c, 0x7fffffff); // initrd_addr_max
  put<uint32_t>(image, 0x230, 2u << 20);   // kernel_alignment
  put<uint16_t>(image, 0x236, 1);          // xloadflags: a 64-bit entry
  put<uint32_t>(image, 0x238, 2047);       // cmdline_size
  put<uint32_t>(image, 0x248, 256);        // payload_offset
  put<uint32_t>(image, 0x24c, 4096);       // payload_length
  put<uint64_t>(image, 0x258, 16u << 20);  // pref_address
  put<uint32_t>(image, 0x260, 32u << 20);  // init_size
  return image;
}

} // namespace cli
