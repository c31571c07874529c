#include "core/loader/zboot.hpp"

#include <string>
#include <string_view>

#include "core/base/text.hpp"
#include "core/loader/decompress.hpp"

namespace sporehost::loader {

namespace {

using namespace std::string_view_literals;
using spore::fail;

// Offsets of header fields.
constexpr uint64_t kPayloadOffset = 0x08;
constexpr uint64_t kPayloadSize = 0x0c; // without the uncompressed size that the build appends
constexpr uint64_t kCompression = 0x18; // text: gzip, lz4, lzma, lzo, xzkern, zstd22
constexpr uint64_t kPeOffset = 0x3c;
constexpr uint64_t kHeaderBytes = 0x40;
constexpr size_t kCompressionMax = 0x38 - kCompression;
constexpr uint32_t kPeMagic = 0x00004550; // "PE\0\0"

std::string_view compression_field(Bytes image) {
  const std::string_view field(reinterpret_cast<const char*>(image.data() + kCompression), kCompressionMax);
  return field.substr(0, field.find('\0'));
}

uint16_t pe_machine(Bytes image) {
  const uint64_t pe = read_le<uint32_t>(image, kPeOffset);
  if (!contains(image, pe, 6) || read_le<uint32_t>(image, pe) != kPeMagic) return 0;
  return read_le<uint16_t>(image, pe + 4);
}

} // namespace

bool looks_like_zboot(Bytes image) {
  constexpr std::string_view magic = "MZ\0\0zimg"sv;
  return image.size() >= magic.size() &&
         std::string_view(reinterpret_cast<const char*>(image.data()), magic.size()) == magic;
}

spore::Result<ZbootImage> parse_zboot(Bytes image) {
  if (!looks_like_zboot(image) || !contains(image, 0, kHeaderBytes))
    return fail(SPORE_E_INVALID, "truncated: an EFI zboot image has a header of " + std::to_string(kHeaderBytes) +
                                     " bytes, the file has " + std::to_string(image.size()) + "; fetch it again");
  const uint64_t offset = read_le<uint32_t>(image, kPayloadOffset), bytes = read_le<uint32_t>(image, kPayloadSize);
  if (offset < kHeaderBytes || bytes == 0)
    return fail(SPORE_E_INVALID, "damaged EFI zboot header: it names no payload; fetch it again");
  if (!contains(image, offset, bytes))
    return fail(SPORE_E_INVALID, "truncated: the payload of the EFI zboot image should end at byte " +
                                     std::to_string(offset + bytes) + " but the file has " +
                                     std::to_string(image.size()) + "; fetch it again");
  const Bytes payload = image.subspan(offset, bytes);
  const std::string_view said = compression_field(image);
  const Compression found = detect_compression(payload);
  if (!can_decompress(found) || !said.starts_with(compression_name(found))) {
    const bool known = said == "lzma" || said == "lzo";
    return fail(known ? SPORE_E_UNSUPPORTED : SPORE_E_INVALID,
                known ? "an EFI zboot image packed with " + std::string(said) +
                            ", which cannot be read here; gzip, xz, lz4 and zstd can, and so can the Image inside it"
                      : "damaged EFI zboot image: its header says " + quote(said) +
                            " compression, and the payload is something else; fetch it again");
  }
  return ZbootImage{pe_machine(image), payload};
}

} // namespace sporehost::loader
