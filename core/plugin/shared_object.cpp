#include "core/plugin/shared_object.hpp"

#include "core/base/unique_fd.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include <sporehost/abi.h>

namespace sporehost::plugin {
namespace {

constexpr size_t kProgramHeadersMax = 64; // a linker makes about ten

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
#else
constexpr uint16_t kMachine = EM_AARCH64;
#endif

std::string machine_name(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "arm64";
    case EM_386:
      return "32-bit x86";
    case EM_ARM:
      return "32-bit ARM";
    case EM_RISCV:
      return "RISC-V";
    default:
      return "ELF machine " + std::to_string(machine);
  }
}

bool read_at(int fd, uint64_t offset, void* to, size_t bytes) {
  return ::pread(fd, to, bytes, static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes);
}

std::optional<LoadFailure> check_ident(const unsigned char* ident) {
  if (std::memcmp(ident, ELFMAG, SELFMAG) != 0) {
    return LoadFailure{LoadState::NotElf, "is not a shared object: it does not begin with the ELF magic"};
  }
  if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB) {
    return LoadFailure{LoadState::WrongArchitecture,
                       "is not 64-bit little-endian, which this host's instruction set is", 3};
  }
  return std::nullopt;
}

LoadFailure truncated(const std::string& what) {
  return {LoadState::Truncated, "is cut short: " + what + "; copy it again"};
}

std::optional<LoadFailure> check_header(const Elf64_Ehdr& header) {
  if (header.e_machine != kMachine) {
    return LoadFailure{LoadState::WrongArchitecture,
                       "is built for " + machine_name(header.e_machine) + ", this host is " + machine_name(kMachine) +
                           "; build it for this machine",
                       3};
  }
  if (header.e_type != ET_DYN) {
    return LoadFailure{LoadState::NotElf, "is an ELF file of type " + std::to_string(header.e_type) +
                                              ", not a shared object (3); link it with -shared"};
  }
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 || header.e_phnum > kProgramHeadersMax) {
    return LoadFailure{LoadState::NotElf, "has no sound program header table"};
  }
  return std::nullopt;
}

std::optional<LoadFailure> check_segments(int fd, const Elf64_Ehdr& header, uint64_t file_bytes) {
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  const size_t table_bytes = segments.size() * sizeof(Elf64_Phdr);
  if (header.e_phoff > file_bytes || table_bytes > file_bytes - header.e_phoff ||
      !read_at(fd, header.e_phoff, segments.data(), table_bytes)) {
    return truncated("it ends within its program headers");
  }
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type != PT_LOAD && segment.p_type != PT_DYNAMIC) continue;
    if (segment.p_offset > file_bytes || segment.p_filesz > file_bytes - segment.p_offset) {
      return truncated("it has " + std::to_string(file_bytes) + " bytes and a segment that ends at " +
                       std::to_string(segment.p_offset + segment.p_filesz));
    }
  }
  return std::nullopt;
}

} // namespace

std::optional<LoadFailure> check_shared_object(const std::filesystem::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    const bool absent = errno == ENOENT || errno == ENOTDIR;
    return LoadFailure{absent ? LoadState::NotFound : LoadState::NotReadable,
                       std::string("cannot be opened: ") + std::strerror(errno)};
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return LoadFailure{LoadState::NotReadable, "is not a regular file"};
  }
  Elf64_Ehdr header{};
  if (!read_at(fd.get(), 0, header.e_ident, EI_NIDENT)) {
    return LoadFailure{LoadState::NotElf, "is not a shared object: it is shorter than an ELF header"};
  }
  if (auto failure = check_ident(header.e_ident)) return failure;
  if (!read_at(fd.get(), 0, &header, sizeof header)) return truncated("it ends within its ELF header");
  if (auto failure = check_header(header)) return failure;
  return check_segments(fd.get(), header, static_cast<uint64_t>(status.st_size));
}

} // namespace sporehost::plugin
