// Mach-O, thin or fat: <mach-o/loader.h> and <mach-o/fat.h> in Apple's sources. The fields that are read have their
// names there.
#include <unistd.h>

#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "core/system/object_file.hpp"

namespace sporehost {
namespace {

using Kind = ObjectFault::Kind;

constexpr uint32_t kMagic64 = 0xfeedfacf, kMagic32 = 0xfeedface;
constexpr uint32_t kFatMagic = 0xcafebabe; // big-endian, as is all of a fat header
constexpr uint32_t kDylib = 6, kBundle = 8;
constexpr uint32_t kSegment64 = 0x19;
constexpr uint32_t kX86_64 = 0x01000007, kArm64 = 0x0100000c;
constexpr size_t kFatMost = 16, kCommandBytesMost = size_t{1} << 20;

#if defined(__x86_64__)
constexpr uint32_t kMachine = kX86_64;
#else
constexpr uint32_t kMachine = kArm64;
#endif

struct Header { // mach_header_64
  uint32_t magic, cputype, cpusubtype, filetype, ncmds, sizeofcmds, flags, reserved;
};
struct Command { // load_command
  uint32_t cmd, cmdsize;
};
struct Segment { // segment_command_64, as far as its place in the file
  uint32_t cmd, cmdsize;
  std::array<char, 16> segname;
  uint64_t vmaddr, vmsize, fileoff, filesize;
};
struct FatHeader {
  uint32_t magic, nfat_arch;
};
struct FatArch {
  uint32_t cputype, cpusubtype, offset, size, align;
};

struct Part { // of the file, which has one image
  uint64_t offset, bytes;
};

bool read_at(int fd, uint64_t offset, void* to, size_t bytes) {
  return ::pread(fd, to, bytes, static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes);
}

uint32_t from_big(uint32_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
}

std::string machine_name(uint32_t machine) {
  return machine == kX86_64 ? "x86-64" : machine == kArm64 ? "arm64" : "Mach-O machine " + std::to_string(machine);
}

ObjectFault truncated(const std::string& what) {
  return {Kind::truncated, "is cut short: " + what + "; copy it again"};
}

// The image for this host: the whole file, or a part of a fat one.
std::optional<ObjectFault> find_image(int fd, Part& image) {
  FatHeader fat{};
  if (!read_at(fd, 0, &fat, sizeof fat))
    return ObjectFault{Kind::not_an_object, "is not a shared object: it is shorter than a Mach-O header"};
  if (from_big(fat.magic) != kFatMagic) return std::nullopt;
  const uint32_t count = from_big(fat.nfat_arch);
  if (count == 0 || count > kFatMost) return ObjectFault{Kind::not_an_object, "has no sound table of architectures"};
  for (uint32_t i = 0; i < count; ++i) {
    FatArch arch{};
    if (!read_at(fd, sizeof fat + i * sizeof arch, &arch, sizeof arch))
      return truncated("it ends within its table of architectures");
    if (from_big(arch.cputype) != kMachine) continue;
    const Part part{from_big(arch.offset), from_big(arch.size)};
    if (part.offset > image.bytes || part.bytes > image.bytes - part.offset)
      return truncated("its part for " + machine_name(kMachine) + " ends behind its last byte");
    image = part;
    return std::nullopt;
  }
  return ObjectFault{Kind::wrong_architecture,
                     "has no part for " + machine_name(kMachine) + ", which this host is; build it for this machine"};
}

std::optional<ObjectFault> check_header(const Header& header) {
  if (header.magic == kMagic32)
    return ObjectFault{Kind::wrong_architecture, "is not 64-bit, which this host's instruction set is"};
  if (header.magic != kMagic64)
    return ObjectFault{Kind::not_an_object, "is not a shared object: it does not begin with the Mach-O magic"};
  if (header.cputype != kMachine)
    return ObjectFault{Kind::wrong_architecture, "is built for " + machine_name(header.cputype) + ", this host is " +
                                                     machine_name(kMachine) + "; build it for this machine"};
  if (header.filetype != kBundle && header.filetype != kDylib)
    return ObjectFault{Kind::not_an_object, "is a Mach-O file of type " + std::to_string(header.filetype) +
                                                ", neither a bundle (8) nor a library (6); link it with -bundle"};
  if (header.sizeofcmds > kCommandBytesMost) return ObjectFault{Kind::not_an_object, "has no sound load commands"};
  return std::nullopt;
}

std::optional<ObjectFault> check_commands(int fd, const Header& header, Part image) {
  std::vector<char> commands(header.sizeofcmds);
  if (commands.size() > image.bytes - sizeof header ||
      !read_at(fd, image.offset + sizeof header, commands.data(), commands.size()))
    return truncated("it ends within its load commands");
  size_t at = 0;
  for (uint32_t i = 0; i < header.ncmds; ++i) {
    Command command{};
    const size_t left = commands.size() - at;
    if (left >= sizeof command) std::memcpy(&command, commands.data() + at, sizeof command);
    if (command.cmdsize < sizeof command || command.cmdsize > left)
      return ObjectFault{Kind::not_an_object, "has no sound load commands"};
    Segment segment{};
    if (command.cmd == kSegment64 && command.cmdsize >= sizeof segment) {
      std::memcpy(&segment, commands.data() + at, sizeof segment);
      if (segment.fileoff > image.bytes || segment.filesize > image.bytes - segment.fileoff)
        return truncated("it has " + std::to_string(image.bytes) + " bytes and a segment that ends at " +
                         std::to_string(segment.fileoff + segment.filesize));
    }
    at += command.cmdsize;
  }
  return std::nullopt;
}

} // namespace

std::optional<ObjectFault> check_mach_object(int fd, uint64_t bytes) {
  Part image{0, bytes};
  if (auto fault = find_image(fd, image)) return fault;
  Header header{};
  if (image.bytes < sizeof header || !read_at(fd, image.offset, &header, sizeof header))
    return truncated("it ends within its Mach-O header");
  if (auto fault = check_header(header)) return fault;
  return check_commands(fd, header, image);
}

} // namespace sporehost
