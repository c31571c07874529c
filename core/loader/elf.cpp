#include "core/loader/elf.hpp"

#include <elf.h>

#include <algorithm>
#include <string>

namespace sporehost::loader {

namespace {

using spore::fail;
using spore::Result;

spore::Error truncated(const std::string& part, const std::string& end, uint64_t size) {
  return fail(SPORE_E_INVALID, "truncated: " + part + " should end at byte " + end + " but the image has " +
                                   std::to_string(size) + "; fetch it again");
}

spore::Error damaged(const std::string& why) {
  return fail(SPORE_E_INVALID, "damaged ELF image: " + why + "; fetch it again");
}

Result<Elf64_Ehdr> read_file_header(Bytes image) {
  if (!looks_like_elf(image)) return fail(SPORE_E_INVALID, "not an ELF image");
  if (!contains(image, 0, sizeof(Elf64_Ehdr))) {
    return truncated("the ELF header", std::to_string(sizeof(Elf64_Ehdr)), image.size());
  }
  const auto header = read_le<Elf64_Ehdr>(image, 0);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return fail(SPORE_E_UNSUPPORTED, "an ELF image that is not 64-bit little-endian; use a 64-bit kernel");
  }
  if (header.e_machine != EM_X86_64 && header.e_machine != EM_AARCH64) {
    return fail(SPORE_E_UNSUPPORTED, "an ELF image for machine " + std::to_string(header.e_machine) +
                                         "; only x86-64 (62) and arm64 (183) can run");
  }
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
    return fail(SPORE_E_UNSUPPORTED, "an ELF file that is not an executable (object or core file?)");
  }
  if (header.e_phentsize != sizeof(Elf64_Phdr)) return damaged("its program headers have an odd size");
  if (header.e_phnum == 0 || header.e_phnum == PN_XNUM) return damaged("it has no usable program headers");
  const uint64_t table = uint64_t{header.e_phnum} * sizeof(Elf64_Phdr);
  if (!contains(image, header.e_phoff, table)) {
    return truncated("the program header table", std::to_string(header.e_phoff) + " + " + std::to_string(table),
                     image.size());
  }
  return header;
}

Result<Segment> read_load(Bytes image, const Elf64_Phdr& load, size_t index) {
  const std::string name = "segment " + std::to_string(index);
  if (load.p_filesz > load.p_memsz) return damaged(name + " is larger in the file than in memory");
  if (load.p_paddr > UINT64_MAX - load.p_memsz) return damaged(name + " wraps around the address space");
  if (!contains(image, load.p_offset, load.p_filesz)) {
    return truncated(name, std::to_string(load.p_offset) + " + " + std::to_string(load.p_filesz), image.size());
  }
  return Segment{load.p_paddr, image.subspan(load.p_offset, load.p_filesz), load.p_memsz};
}

Result<void> check_segments(std::vector<Segment>& segments, uint64_t entry) {
  if (segments.empty()) return damaged("it has no loadable segment");
  std::sort(segments.begin(), segments.end(), [](const Segment& a, const Segment& b) { return a.gpa < b.gpa; });
  for (size_t i = 1; i < segments.size(); ++i) {
    if (segments[i - 1].gpa + segments[i - 1].mem_size > segments[i].gpa) {
      return damaged("two segments overlap at address " + std::to_string(segments[i].gpa));
    }
  }
  const bool inside = std::any_of(segments.begin(), segments.end(), [entry](const Segment& segment) {
    return entry >= segment.gpa && entry - segment.gpa < segment.bytes.size();
  });
  if (!inside) return damaged("its entry " + std::to_string(entry) + " lies in no segment");
  return {};
}

} // namespace

bool looks_like_elf(Bytes image) {
  return image.size() >= SELFMAG && std::equal(image.begin(), image.begin() + SELFMAG, ELFMAG);
}

Result<ElfImage> parse_elf(Bytes image) {
  SPORE_TRY(const Elf64_Ehdr header, read_file_header(image));
  ElfImage result;
  result.machine = header.e_machine;
  result.entry = header.e_entry;
  for (size_t i = 0; i < header.e_phnum; ++i) {
    const auto entry = read_le<Elf64_Phdr>(image, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (entry.p_type == PT_LOAD && entry.p_memsz != 0) {
      SPORE_TRY(Segment segment, read_load(image, entry, i));
      result.segments.push_back(segment);
    }
  }
  SPORE_CHECK(check_segments(result.segments, result.entry));
  return result;
}

} // namespace sporehost::loader
