#include "core/loader/bzimage.hpp"

#include <algorithm>
#include <bit>
#include <string>

namespace sporehost::loader {

namespace {

using spore::fail;
using spore::Result;

// Offsets of header fields.
constexpr uint64_t kSetupSects = 0x1f1;
constexpr uint64_t kSyssize = 0x1f4;
constexpr uint64_t kBootFlag = 0x1fe;
constexpr uint64_t kJumpLength = 0x201;
constexpr uint64_t kMagic = 0x202;
constexpr uint64_t kVersion = 0x206;
constexpr uint64_t kLoadFlags = 0x211;
constexpr uint64_t kInitrdAddrMax = 0x22c;
constexpr uint64_t kKernelAlignment = 0x230;
constexpr uint64_t kRelocatable = 0x234;
constexpr uint64_t kXLoadFlags = 0x236;
constexpr uint64_t kCmdlineSize = 0x238;
constexpr uint64_t kPayloadOffset = 0x248;
constexpr uint64_t kPayloadLength = 0x24c;
constexpr uint64_t kPrefAddress = 0x258;
constexpr uint64_t kInitSize = 0x260;
constexpr uint64_t kHeaderEnd212 = 0x268; // protocol 2.12 ends behind handover_offset

constexpr uint16_t kBootFlagValue = 0xaa55;
constexpr uint32_t kMagicValue = 0x53726448; // "HdrS"
constexpr uint16_t kOldestProtocol = 0x020c; // 2.12 brought xloadflags, and with it a sure sign of a 64-bit entry
constexpr uint8_t kLoadedHigh = 1u << 0;
constexpr uint16_t kXlfKernel64 = 1u << 0;
constexpr uint16_t kXlfCanBeLoadedAbove4G = 1u << 1;
constexpr uint64_t kSector = 512;
constexpr uint32_t kDefaultSetupSects = 4; // what 0 in setup_sects has always meant

std::string version_text(uint16_t version) {
  const std::string minor = std::to_string(version & 0xff);
  return std::to_string(version >> 8) + "." + (minor.size() < 2 ? "0" + minor : minor);
}

spore::Error truncated(std::string_view part, uint64_t end, uint64_t size) {
  return fail(SPORE_E_INVALID, "truncated: " + std::string(part) + " should end at byte " + std::to_string(end) +
                                   " but the file has " + std::to_string(size) + "; fetch it again");
}

spore::Error damaged(const std::string& why) {
  return fail(SPORE_E_INVALID, "damaged setup header: " + why + "; fetch it again");
}

Result<SetupHeader> read_header(Bytes image) {
  SetupHeader header;
  header.protocol = read_le<uint16_t>(image, kVersion);
  if (header.protocol < kOldestProtocol) {
    return fail(SPORE_E_UNSUPPORTED, "boot protocol " + version_text(header.protocol) +
                                         " is too old; 2.12 or newer is needed (Linux 3.8 and later)");
  }
  if ((read_le<uint8_t>(image, kLoadFlags) & kLoadedHigh) == 0) {
    return fail(SPORE_E_UNSUPPORTED, "a zImage that loads below 1 MiB; build a bzImage");
  }
  const auto xloadflags = read_le<uint16_t>(image, kXLoadFlags);
  if ((xloadflags & kXlfKernel64) == 0) {
    return fail(SPORE_E_UNSUPPORTED, "a 32-bit kernel: it has no 64-bit entry; use an x86-64 kernel");
  }
  header.relocatable = read_le<uint8_t>(image, kRelocatable) != 0;
  header.alignment = read_le<uint32_t>(image, kKernelAlignment);
  header.pref_address = read_le<uint64_t>(image, kPrefAddress);
  header.init_size = read_le<uint32_t>(image, kInitSize);
  header.cmdline_size = read_le<uint32_t>(image, kCmdlineSize);
  // A kernel that may lie above 4 GiB finds its initrd by 64 bits (ext_ramdisk_image); the 32-bit field is then moot,
  // but the board's identity map ends at 4 GiB, so the field is kept as the bound.
  header.initrd_addr_max = read_le<uint32_t>(image, kInitrdAddrMax);
  if ((xloadflags & kXlfCanBeLoadedAbove4G) != 0) header.initrd_addr_max = UINT32_MAX;

  if (!std::has_single_bit(header.alignment)) return damaged("kernel_alignment is not a power of two");
  if (header.pref_address % header.alignment != 0) return damaged("pref_address is not aligned to kernel_alignment");
  if (header.init_size == 0) return damaged("init_size is 0");
  if (header.pref_address > UINT64_MAX - header.init_size) return damaged("pref_address + init_size overflows");
  if (header.cmdline_size == 0) return damaged("cmdline_size is 0");

  // The header says itself where it ends: the jump over it, at 0x200, counts from its own end at 0x202. A newer
  // kernel's header may be longer than what we know; it is copied whole, up to the memory map that follows it in
  // boot_params.
  constexpr uint64_t kRoomInBootParams = 0x290;
  const uint64_t end = std::min(kMagic + read_le<uint8_t>(image, kJumpLength), kRoomInBootParams);
  if (end < kHeaderEnd212) return damaged("it is shorter than its protocol version says");
  if (!contains(image, 0, end)) return truncated("the setup header", end, image.size());
  header.raw.assign(image.begin() + kSetupHeaderOffset, image.begin() + static_cast<ptrdiff_t>(end));
  return header;
}

} // namespace

bool looks_like_bzimage(Bytes image) {
  return contains(image, kMagic, 4) && read_le<uint16_t>(image, kBootFlag) == kBootFlagValue &&
         read_le<uint32_t>(image, kMagic) == kMagicValue;
}

Result<BzImage> parse_bzimage(Bytes image) {
  if (!looks_like_bzimage(image)) return fail(SPORE_E_INVALID, "not a bzImage: it lacks the HdrS mark at byte 514");
  if (!contains(image, 0, kHeaderEnd212)) return truncated("the setup header", kHeaderEnd212, image.size());
  BzImage result;
  SPORE_TRY(result.header, read_header(image));

  uint64_t sectors = read_le<uint8_t>(image, kSetupSects);
  if (sectors == 0) sectors = kDefaultSetupSects;
  const uint64_t setup_end = (sectors + 1) * kSector; // the boot sector is not counted
  const uint64_t syssize = uint64_t{read_le<uint32_t>(image, kSyssize)} * 16;
  // syssize counts in units of 16 bytes, rounded up; a file without that padding is whole.
  const uint64_t needed = std::max<uint64_t>(syssize, 16) - 15;
  if (!contains(image, setup_end, needed)) {
    return truncated("the protected-mode code", setup_end + syssize, image.size());
  }
  result.protected_mode = image.subspan(setup_end);

  const auto offset = read_le<uint32_t>(image, kPayloadOffset);
  const auto length = read_le<uint32_t>(image, kPayloadLength);
  if (length == 0) return damaged("payload_length is 0");
  if (!contains(result.protected_mode, offset, length)) {
    return truncated("the payload", setup_end + offset + length, image.size());
  }
  result.payload = result.protected_mode.subspan(offset, length);
  return result;
}

} // namespace sporehost::loader
