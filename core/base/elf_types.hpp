// The parts of a 64-bit ELF file that are read here (System V ABI, chapters 4 and 5). Guests' kernels are such files on
// every host, and not every host has <elf.h>.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sporehost::elf {

inline constexpr std::string_view kMagic{"\177ELF", 4};

// Places and values in Header::ident.
inline constexpr size_t kIdentBytes = 16;
inline constexpr size_t kClass = 4, kData = 5;
inline constexpr unsigned char kClass64 = 2, kLittleEndian = 1;

enum Machine : uint16_t { kX86 = 3, kArm = 40, kX86_64 = 62, kAarch64 = 183, kRiscv = 243 };
enum Type : uint16_t { kExecutable = 2, kShared = 3 };
enum SegmentType : uint32_t { kLoad = 1, kDynamic = 2 };
inline constexpr uint16_t kTooManySegments = 0xffff; // their number is elsewhere

struct Header {
  std::array<unsigned char, kIdentBytes> ident;
  uint16_t type;
  uint16_t machine;
  uint32_t version;
  uint64_t entry;
  uint64_t segments_offset;
  uint64_t sections_offset;
  uint32_t flags;
  uint16_t header_bytes;
  uint16_t segment_bytes;
  uint16_t segment_count;
  uint16_t section_bytes;
  uint16_t section_count;
  uint16_t names_section;
};
static_assert(sizeof(Header) == 64);

struct SegmentHeader {
  uint32_t type;
  uint32_t flags;
  uint64_t offset;
  uint64_t virtual_address;
  uint64_t physical_address;
  uint64_t file_bytes;
  uint64_t memory_bytes;
  uint64_t alignment;
};
static_assert(sizeof(SegmentHeader) == 56);

} // namespace sporehost::elf
