#include "core/loader/arm64_image.hpp"

#include <algorithm>
#include <string>

namespace sporehost::loader {

namespace {

using spore::fail;

// Offsets of header fields.
constexpr uint64_t kTextOffset = 0x08;
constexpr uint64_t kImageSize = 0x10;
constexpr uint64_t kFlags = 0x18;
constexpr uint64_t kMagic = 0x38;
constexpr uint64_t kHeaderBytes = 0x40;

constexpr uint32_t kMagicValue = 0x644d5241; // "ARM\x64"
constexpr uint64_t kFlagBigEndian = 1u << 0;
constexpr unsigned kFlagPageShift = 1; // two bits: unknown, 4, 16, 64 KiB
constexpr uint64_t kImageSizeMax = uint64_t{1} << 32;

spore::Error damaged(const std::string& why) {
  return fail(SPORE_E_INVALID, "damaged Image header: " + why + "; fetch it again");
}

// Where the file should end. The header does not say, but with an EFI stub the kernel is a PE file as well, whose
// sections do (PE format, "COFF File Header" and "Section Table"). 0 where there is none.
uint64_t end_of_sections(Bytes image) {
  constexpr uint64_t kPeOffset = 0x3c, kCoffBytes = 24, kSectionBytes = 40;
  const uint64_t pe = read_le<uint32_t>(image, kPeOffset);
  if (!contains(image, pe, kCoffBytes) || read_le<uint32_t>(image, pe) != 0x00004550) return 0; // "PE\0\0"
  const uint64_t sections = pe + kCoffBytes + read_le<uint16_t>(image, pe + 20);
  const unsigned count = read_le<uint16_t>(image, pe + 6);
  uint64_t end = sections + count * kSectionBytes;
  if (!contains(image, sections, count * kSectionBytes)) return end;
  for (unsigned i = 0; i < count; ++i) {
    const uint64_t section = sections + i * kSectionBytes;
    const uint64_t bytes = read_le<uint32_t>(image, section + 16);
    if (bytes != 0) end = std::max(end, read_le<uint32_t>(image, section + 20) + bytes);
  }
  return end;
}

} // namespace

bool looks_like_arm64_image(Bytes image) {
  return contains(image, kMagic, sizeof kMagicValue) && read_le<uint32_t>(image, kMagic) == kMagicValue;
}

spore::Result<Arm64Header> parse_arm64_image(Bytes image) {
  if (!contains(image, 0, kHeaderBytes)) {
    return fail(SPORE_E_INVALID, "truncated: an arm64 Image has a header of " + std::to_string(kHeaderBytes) +
                                     " bytes, the file has " + std::to_string(image.size()) + "; fetch it again");
  }
  Arm64Header header;
  header.text_offset = read_le<uint64_t>(image, kTextOffset);
  header.image_size = read_le<uint64_t>(image, kImageSize);
  const auto flags = read_le<uint64_t>(image, kFlags);
  if (header.image_size == 0) {
    return fail(SPORE_E_UNSUPPORTED,
                "an Image from before Linux 3.17, which does not tell its size; use a newer kernel");
  }
  if ((flags & kFlagBigEndian) != 0) {
    return fail(SPORE_E_UNSUPPORTED, "a big-endian kernel; use one built for little-endian arm64");
  }
  if (header.text_offset >= kArm64LoadAlign || header.text_offset % 4096 != 0) {
    return damaged("text_offset " + std::to_string(header.text_offset) + " is not a page below 2 MiB");
  }
  if (header.image_size > kImageSizeMax) return damaged("image_size is larger than 4 GiB");
  // The build pads image_size to pages and counts bss; a file that is longer is not what the header describes.
  if (header.image_size < image.size()) {
    return damaged("image_size is " + std::to_string(header.image_size) + ", less than the file's " +
                   std::to_string(image.size()) + " bytes");
  }
  if (const uint64_t end = end_of_sections(image); end > image.size()) {
    return fail(SPORE_E_INVALID, "truncated: its sections should end at byte " + std::to_string(end) +
                                     " but the file has " + std::to_string(image.size()) + "; fetch it again");
  }
  switch (flags >> kFlagPageShift & 3) {
    case 1:
      header.page_bytes = 4096;
      break;
    case 2:
      header.page_bytes = 16384;
      break;
    case 3:
      header.page_bytes = 65536;
      break;
    default:
      break;
  }
  return header;
}

} // namespace sporehost::loader
