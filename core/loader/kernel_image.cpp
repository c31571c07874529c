#include "core/loader/kernel_image.hpp"

#include <algorithm>

#include "core/base/elf_types.hpp"
#include "core/base/size.hpp"
#include "core/loader/zboot.hpp"

namespace sporehost::loader {

namespace {

using spore::fail;
using spore::Result;

// Of an ELF kernel, which has no setup header to tell: COMMAND_LINE_SIZE in arch/x86/include/asm/setup.h is 2048.
constexpr uint32_t kElfCmdlineSize = 2047;
// The identity map that the kernel starts with ends at 4 GiB.
constexpr uint64_t kElfInitrdAddrMax = UINT32_MAX;

// arm64: COMMAND_LINE_SIZE in its uapi/asm/setup.h is 2048, and kernel and initrd lie in one window of 32 GiB that
// begins at a multiple of 1 GiB (booting.rst).
constexpr uint64_t kArm64InitrdWindow = uint64_t{32} << 30;

std::string_view arch_name(Arch arch) {
  return arch == Arch::x86_64 ? "x86-64" : "arm64";
}

spore::Error wrong_arch(Arch image, Arch machine) {
  return fail(SPORE_E_UNSUPPORTED, "a kernel for " + std::string(arch_name(image)) + ", but this machine is " +
                                       std::string(arch_name(machine)) + "; use a kernel built for it");
}

Result<void> use_elf(KernelImage& kernel, Bytes image, const KernelOptions& options) {
  SPORE_TRY(ElfImage elf, parse_elf(image));
  kernel.arch = elf.machine == elf::kX86_64 ? Arch::x86_64 : Arch::aarch64;
  if (kernel.arch != options.arch) return wrong_arch(kernel.arch, options.arch);
  kernel.entry_gpa = elf.entry;
  kernel.segments = std::move(elf.segments);
  kernel.vmlinux = image;
  return {};
}

Result<void> use_arm64_image(KernelImage& kernel, Bytes image, const KernelOptions& options) {
  kernel.kind = KernelKind::arm64_image;
  kernel.arch = Arch::aarch64;
  if (options.arch != Arch::aarch64) return wrong_arch(Arch::aarch64, options.arch);
  SPORE_TRY(kernel.arm64, parse_arm64_image(image));
  kernel.entry_gpa = options.ram_start + kernel.arm64->text_offset;
  kernel.segments = {Segment{kernel.entry_gpa, image, kernel.arm64->image_size}};
  kernel.vmlinux = image;
  return {};
}

// A file that is fetched again may be whole; what this host lacks, it lacks then too.
Result<HostBuffer> unpack(Bytes packed, Trailer trailer, const KernelOptions& options) {
  auto unpacked = decompress(packed, trailer, options.max_size);
  if (unpacked) return unpacked;
  spore::Error error = unpacked.error();
  if (error.status == SPORE_E_INVALID || error.status == SPORE_E_RANGE) error.text += "; fetch it again";
  return error;
}

// Image.gz and its like. What is in it may be anything, so it is recognised like a file.
Result<void> use_compressed_image(KernelImage& kernel, Bytes image, const KernelOptions& options) {
  SPORE_TRY(kernel.decompressed, unpack(image, Trailer::none, options));
  const Bytes bytes = kernel.decompressed.bytes();
  if (!looks_like_arm64_image(bytes)) {
    return fail(SPORE_E_INVALID, "a " + std::string(compression_name(detect_compression(image))) +
                                     " file with no arm64 Image in it; check the path, or fetch it again");
  }
  return use_arm64_image(kernel, bytes, options);
}

// What firmware would unpack and start; the Image in it starts without firmware too.
Result<void> use_zboot(KernelImage& kernel, Bytes image, const KernelOptions& options) {
  SPORE_TRY(const ZbootImage zboot, parse_zboot(image));
  if (zboot.machine != kPeMachineArm64)
    return fail(SPORE_E_UNSUPPORTED, "an EFI zboot image that is not for arm64; only arm64's can be unpacked here");
  if (options.arch != Arch::aarch64) return wrong_arch(Arch::aarch64, options.arch);
  auto used = use_compressed_image(kernel, zboot.payload, options);
  return used ? std::move(used) : used.error().in("EFI zboot image");
}

// The classic way: the guest's own decompressor starts at 0x200 and unpacks within init_size bytes.
void use_compressed(KernelImage& kernel, Bytes protected_mode) {
  const SetupHeader& header = *kernel.setup_header;
  const uint64_t mem_size = std::max<uint64_t>(header.init_size, protected_mode.size());
  kernel.entry_gpa = header.pref_address + kEntry64Offset;
  kernel.segments = {Segment{header.pref_address, protected_mode, mem_size}};
}

Result<void> use_bzimage(KernelImage& kernel, Bytes image, const KernelOptions& options) {
  if (options.arch != Arch::x86_64) return wrong_arch(Arch::x86_64, options.arch);
  SPORE_TRY(BzImage bzimage, parse_bzimage(image));
  kernel.setup_header = std::move(bzimage.header);
  const Compression compression = detect_compression(bzimage.payload);
  if (compression != Compression::none && (!options.decompress || !can_decompress(compression))) {
    if (kernel.setup_header->pref_address > UINT64_MAX - bzimage.protected_mode.size()) {
      return fail(SPORE_E_INVALID, "damaged setup header: pref_address is out of range; fetch it again");
    }
    use_compressed(kernel, bzimage.protected_mode);
    return {};
  }
  if (compression == Compression::none) {
    if (!looks_like_elf(bzimage.payload)) {
      return fail(SPORE_E_INVALID, "the payload is of no known compression; the file is damaged, fetch it again");
    }
    return use_elf(kernel, bzimage.payload, options);
  }
  auto unpacked = unpack(bzimage.payload, Trailer::kernel_size, options);
  if (!unpacked) return unpacked.error().in("payload");
  kernel.decompressed = std::move(unpacked).value();
  if (auto used = use_elf(kernel, kernel.decompressed.bytes(), options); !used) {
    return used.error().in("decompressed payload");
  }
  return {};
}

spore::Error unknown_kind(Bytes image) {
  const Compression compression = detect_compression(image);
  if (compression != Compression::none) {
    return fail(SPORE_E_UNSUPPORTED, "a bare " + std::string(compression_name(compression)) +
                                         " file; decompress it first, or use the bzImage");
  }
  return fail(
      SPORE_E_INVALID,
      "neither a bzImage, an ELF vmlinux, an arm64 Image nor an EFI zboot image; check the path, or fetch it again");
}

} // namespace

uint64_t KernelImage::end_gpa() const {
  uint64_t end = 0;
  for (const Segment& segment : segments) end = std::max(end, segment.gpa + segment.mem_size);
  if (setup_header) end = std::max(end, setup_header->pref_address + setup_header->init_size);
  return end;
}

uint32_t KernelImage::cmdline_limit() const {
  return setup_header ? setup_header->cmdline_size : kElfCmdlineSize;
}

uint64_t KernelImage::initrd_addr_max() const {
  if (arch == Arch::aarch64) return entry_gpa / kGiB * kGiB + kArm64InitrdWindow - 1;
  return setup_header ? setup_header->initrd_addr_max : kElfInitrdAddrMax;
}

Result<KernelImage> parse_kernel(Bytes image, const KernelOptions& options) {
  KernelImage kernel;
  if (looks_like_elf(image)) {
    kernel.kind = KernelKind::elf;
    SPORE_CHECK(use_elf(kernel, image, options));
  } else if (looks_like_bzimage(image)) {
    kernel.kind = KernelKind::bzimage;
    SPORE_CHECK(use_bzimage(kernel, image, options));
  } else if (looks_like_zboot(image)) {
    SPORE_CHECK(use_zboot(kernel, image, options));
  } else if (looks_like_arm64_image(image)) {
    SPORE_CHECK(use_arm64_image(kernel, image, options));
  } else if (options.arch == Arch::aarch64 && can_decompress(detect_compression(image))) {
    SPORE_CHECK(use_compressed_image(kernel, image, options));
  } else {
    return unknown_kind(image);
  }
  return kernel;
}

Result<KernelImage> load_kernel(const std::string& path, const KernelOptions& options) {
  SPORE_TRY(ImageFile file, ImageFile::open(path, "kernel", options.owner));
  auto kernel = parse_kernel(file.bytes(), options);
  if (!kernel) return kernel.error().in(file.name());
  kernel->file = std::move(file);
  return kernel;
}

} // namespace sporehost::loader
