// A kernel of any kind we can boot, as segments to put into guest memory and an address to start at.
//
// A bzImage is decompressed here, on the host, and started like a plain vmlinux: the 64-bit boot protocol's state (rsi
// = boot_params) at the ELF entry, which is `startup_64`. That saves a slow guest the work, and page by page the copy
// of its own image. No relocation is applied, and none is needed: the table that the build appends behind the ELF image
// is for a kernel that chose another *virtual* base (KASLR, in the decompressor that we skip). Loaded at its own
// physical addresses and run at its linked virtual ones, the image is right as it is. KASLR of the kernel's text is
// therefore off.
//
// An arm64 Image, plain, compressed as a whole (Image.gz) or inside an EFI zboot image, goes to the start of RAM and is
// entered at its first byte. It relocates itself, with KASLR where the device tree has a seed.
//
// Owns what its spans point to; movable, and spans stay valid across a move. [any]
#pragma once

#include <sporehost/result.hpp>

#include <optional>
#include <string>
#include <vector>

#include "core/loader/arm64_image.hpp"
#include "core/loader/bzimage.hpp"
#include "core/loader/decompress.hpp"
#include "core/loader/elf.hpp"
#include "core/loader/image_file.hpp"

namespace sporehost::loader {

enum class KernelKind { bzimage, elf, arm64_image };
enum class Arch { x86_64, aarch64 };

struct KernelImage {
  KernelKind kind = KernelKind::elf;
  Arch arch = Arch::x86_64;
  uint64_t entry_gpa = 0;
  std::vector<Segment> segments;           // by gpa, without overlap
  std::optional<SetupHeader> setup_header; // of a bzImage
  std::optional<Arm64Header> arm64;        // of an arm64 Image
  Bytes vmlinux; // the decompressed kernel, for find_ikconfig; empty where the guest decompresses

  // First byte behind all that the kernel occupies before it has read the memory map, bss and early heap included.
  [[nodiscard]] uint64_t end_gpa() const;
  // Longest command line in bytes, without its NUL.
  [[nodiscard]] uint32_t cmdline_limit() const;
  // Highest GPA for the initrd's last byte.
  [[nodiscard]] uint64_t initrd_addr_max() const;

  ImageFile file;          // where it came from; empty for parse_kernel
  HostBuffer decompressed; // what the spans point into, where they do not point into the file
};

struct KernelOptions {
  Arch arch = Arch::x86_64;
  size_t max_size = size_t{512} << 20; // decompressed bytes; Debian's kernels have about 60 MiB
  // arm64: where RAM begins, a multiple of 2 MiB. An Image has no address of its own and goes as low as it may.
  uint64_t ram_start = 0;
  // false: hand the compressed image to the guest (entry 0x200 of the protected-mode code). What is compressed in a way
  // that the host cannot read (bzip2, lzma, lzo) goes that way in any case.
  bool decompress = true;
  FileOwner owner = FileOwner::project; // of the file, for load_kernel
};

// Opens, recognises and reads the kernel at `path`.
// Errors: as ImageFile::open; SPORE_E_UNSUPPORTED a kind or architecture that cannot boot here; SPORE_E_INVALID damaged
// or truncated; SPORE_E_RANGE too large. Each text begins "kernel '<path>': ".
[[nodiscard]] spore::Result<KernelImage> load_kernel(const std::string& path, const KernelOptions& options);

// The same for bytes at hand; they must outlive the result.
[[nodiscard]] spore::Result<KernelImage> parse_kernel(Bytes image, const KernelOptions& options);

} // namespace sporehost::loader
