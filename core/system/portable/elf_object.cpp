#include <unistd.h>

#include <cstring>
#include <vector>

#include "core/base/elf_types.hpp"
#include "core/system/object_file.hpp"

namespace sporehost {
namespace {

using Kind = ObjectFault::Kind;

constexpr size_t kSegmentsMax = 64; // a linker makes about ten

#if defined(__x86_64__)
constexpr uint16_t kMachine = elf::kX86_64;
#else
constexpr uint16_t kMachine = elf::kAarch64;
#endif

std::string machine_name(uint16_t machine) {
  switch (machine) {
    case elf::kX86_64:
      return "x86-64";
    case elf::kAarch64:
      return "arm64";
    case elf::kX86:
      return "32-bit x86";
    case elf::kArm:
      return "32-bit ARM";
    case elf::kRiscv:
      return "RISC-V";
    default:
      return "ELF machine " + std::to_string(machine);
  }
}

bool read_at(int fd, uint64_t offset, void* to, size_t bytes) {
  return ::pread(fd, to, bytes, static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes);
}

ObjectFault truncated(const std::string& what) {
  return {Kind::truncated, "is cut short: " + what + "; copy it again"};
}

std::optional<ObjectFault> check_ident(const std::array<unsigned char, elf::kIdentBytes>& ident) {
  if (std::memcmp(ident.data(), elf::kMagic.data(), elf::kMagic.size()) != 0)
    return ObjectFault{Kind::not_an_object, "is not a shared object: it does not begin with the ELF magic"};
  if (ident[elf::kClass] != elf::kClass64 || ident[elf::kData] != elf::kLittleEndian)
    return ObjectFault{Kind::wrong_architecture, "is not 64-bit little-endian, which this host's instruction set is"};
  return std::nullopt;
}

std::optional<ObjectFault> check_header(const elf::Header& header) {
  if (header.machine != kMachine)
    return ObjectFault{Kind::wrong_architecture, "is built for " + machine_name(header.machine) + ", this host is " +
                                                     machine_name(kMachine) + "; build it for this machine"};
  if (header.type != elf::kShared)
    return ObjectFault{Kind::not_an_object, "is an ELF file of type " + std::to_string(header.type) +
                                                ", not a shared object (3); link it with -shared"};
  if (header.segment_bytes != sizeof(elf::SegmentHeader) || header.segment_count == 0 ||
      header.segment_count > kSegmentsMax)
    return ObjectFault{Kind::not_an_object, "has no sound program header table"};
  return std::nullopt;
}

std::optional<ObjectFault> check_segments(int fd, const elf::Header& header, uint64_t file_bytes) {
  std::vector<elf::SegmentHeader> segments(header.segment_count);
  const size_t table_bytes = segments.size() * sizeof(elf::SegmentHeader);
  if (header.segments_offset > file_bytes || table_bytes > file_bytes - header.segments_offset ||
      !read_at(fd, header.segments_offset, segments.data(), table_bytes))
    return truncated("it ends within its program headers");
  for (const elf::SegmentHeader& segment : segments) {
    if (segment.type != elf::kLoad && segment.type != elf::kDynamic) continue;
    if (segment.offset > file_bytes || segment.file_bytes > file_bytes - segment.offset)
      return truncated("it has " + std::to_string(file_bytes) + " bytes and a segment that ends at " +
                       std::to_string(segment.offset + segment.file_bytes));
  }
  return std::nullopt;
}

} // namespace

std::optional<ObjectFault> check_elf_object(int fd, uint64_t bytes) {
  elf::Header header{};
  if (!read_at(fd, 0, header.ident.data(), header.ident.size()))
    return ObjectFault{Kind::not_an_object, "is not a shared object: it is shorter than an ELF header"};
  if (auto fault = check_ident(header.ident)) return fault;
  if (!read_at(fd, 0, &header, sizeof header)) return truncated("it ends within its ELF header");
  if (auto fault = check_header(header)) return fault;
  return check_segments(fd, header, bytes);
}

} // namespace sporehost
