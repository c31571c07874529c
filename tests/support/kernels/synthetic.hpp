// Images made by the tests themselves: ELF kernels, bzImages around them, compressed in each way that the kernel's
// build knows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/loader/decompress.hpp"

namespace sporehost::loader::testing {

using Data = std::vector<uint8_t>;

struct LoadSpec {
  uint64_t gpa;
  Data bytes;
  uint64_t mem_size;
};

// An ELF64 kernel with one PT_LOAD for each spec and, if `pvh` is not 0, a PVH note.
Data make_elf(uint64_t entry, const std::vector<LoadSpec>& loads, uint64_t pvh = 0, uint16_t machine = 62);

// A small kernel: two segments at 16 MiB and 18 MiB, the second with bss.
Data make_vmlinux();

// As `gzip`, `xz`, `lz4 -l`, `zstd` make them.
Data compress(Compression compression, const Data& plain);
// The same, followed by the size for all but gzip, as the kernel's build makes them.
Data compress_for_kernel(Compression compression, const Data& plain);

// A bzImage with protocol 2.15 around `payload`.
Data make_bzimage(const Data& payload);

template <typename T>
void poke(Data& data, size_t offset, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) data.at(offset + i) = static_cast<uint8_t>(value >> (8 * i));
}

// Bytes that compress somewhat, and differ from place to place.
Data pattern(size_t size);

// A file in the tests' temporary folder that goes away with the object.
class TempFile {
 public:
  explicit TempFile(const Data& content);
  ~TempFile();
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

} // namespace sporehost::loader::testing
