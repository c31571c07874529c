#include "tests/support/kernels/synthetic.hpp"

#include <elf.h>
#include <gtest/gtest.h>
#include <lz4hc.h>
#include <lzma.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <fstream>

namespace sporehost::loader::testing {

namespace {

template <typename T>
void append_struct(Data& data, const T& value) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  data.insert(data.end(), bytes, bytes + sizeof(T));
}

void append_u32(Data& data, uint32_t value) {
  append_struct(data, value);
}

Data gzip(const Data& plain) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Data out(deflateBound(&stream, plain.size()) + 32);
  stream.next_in = const_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Data xz(const Data& plain) {
  Data out(lzma_stream_buffer_bound(plain.size()));
  size_t size = 0;
  EXPECT_EQ(
      lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, nullptr, plain.data(), plain.size(), out.data(), &size, out.size()),
      LZMA_OK);
  out.resize(size);
  return out;
}

Data lz4_legacy(const Data& plain) {
  constexpr size_t kBlock = 8u << 20;
  Data out;
  append_u32(out, 0x184c2102);
  for (size_t at = 0; at < plain.size(); at += kBlock) {
    const size_t size = std::min(kBlock, plain.size() - at);
    Data block(static_cast<size_t>(LZ4_compressBound(static_cast<int>(size))));
    const int wrote =
        LZ4_compress_HC(reinterpret_cast<const char*>(plain.data() + at), reinterpret_cast<char*>(block.data()),
                        static_cast<int>(size), static_cast<int>(block.size()), LZ4HC_CLEVEL_MIN);
    EXPECT_GT(wrote, 0);
    append_u32(out, static_cast<uint32_t>(wrote));
    out.insert(out.end(), block.begin(), block.begin() + wrote);
  }
  return out;
}

Data zstd(const Data& plain) {
  Data out(ZSTD_compressBound(plain.size()));
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1); // as the command-line tool does
  const size_t size = ZSTD_compress2(context, out.data(), out.size(), plain.data(), plain.size());
  ZSTD_freeCCtx(context);
  EXPECT_FALSE(ZSTD_isError(size));
  out.resize(size);
  return out;
}

} // namespace

Data pattern(size_t size) {
  Data data(size);
  uint32_t state = 1;
  for (size_t i = 0; i < size; ++i) {
    if (i % 7 == 0) state = state * 1664525u + 1013904223u;
    data[i] = static_cast<uint8_t>(state >> 24);
  }
  return data;
}

Data make_elf(uint64_t entry, const std::vector<LoadSpec>& loads, uint64_t pvh, uint16_t machine) {
  const size_t headers = loads.size() + (pvh != 0 ? 1 : 0);
  Elf64_Ehdr file{};
  std::memcpy(file.e_ident, ELFMAG, SELFMAG);
  file.e_ident[EI_CLASS] = ELFCLASS64;
  file.e_ident[EI_DATA] = ELFDATA2LSB;
  file.e_ident[EI_VERSION] = EV_CURRENT;
  file.e_type = ET_EXEC;
  file.e_machine = machine;
  file.e_version = EV_CURRENT;
  file.e_entry = entry;
  file.e_phoff = sizeof(file);
  file.e_ehsize = sizeof(file);
  file.e_phentsize = sizeof(Elf64_Phdr);
  file.e_phnum = static_cast<Elf64_Half>(headers);

  Data data;
  append_struct(data, file);
  Data body;
  const size_t body_at = sizeof(file) + headers * sizeof(Elf64_Phdr);
  for (const LoadSpec& load : loads) {
    Elf64_Phdr header{};
    header.p_type = PT_LOAD;
    header.p_offset = body_at + body.size();
    header.p_vaddr = 0xffffffff80000000 + load.gpa;
    header.p_paddr = load.gpa;
    header.p_filesz = load.bytes.size();
    header.p_memsz = load.mem_size;
    append_struct(data, header);
    body.insert(body.end(), load.bytes.begin(), load.bytes.end());
  }
  if (pvh != 0) {
    Elf64_Phdr header{};
    header.p_type = PT_NOTE;
    header.p_offset = body_at + body.size();
    append_struct(body, Elf64_Nhdr{4, 8, 6}); // another Xen note comes first
    body.insert(body.end(), {'X', 'e', 'n', 0, 'l', 'i', 'n', 'u', 'x', 0, 0, 0});
    append_struct(body, Elf64_Nhdr{4, 8, 18});
    body.insert(body.end(), {'X', 'e', 'n', 0});
    append_struct(body, pvh);
    header.p_filesz = body_at + body.size() - header.p_offset;
    append_struct(data, header);
  }
  data.insert(data.end(), body.begin(), body.end());
  return data;
}

Data make_vmlinux() {
  constexpr uint64_t kText = 16u << 20;
  constexpr uint64_t kInit = 18u << 20;
  return make_elf(kText, {{kText, pattern(40000), 40000}, {kInit, pattern(5000), 70000}}, kText + 0x100);
}

Data compress(Compression compression, const Data& plain) {
  switch (compression) {
    case Compression::gzip:
      return gzip(plain);
    case Compression::xz:
      return xz(plain);
    case Compression::lz4_legacy:
      return lz4_legacy(plain);
    case Compression::zstd:
      return zstd(plain);
    default:
      ADD_FAILURE() << "no compressor for it";
      return {};
  }
}

Data compress_for_kernel(Compression compression, const Data& plain) {
  Data data = compress(compression, plain);
  if (compression != Compression::gzip) append_u32(data, static_cast<uint32_t>(plain.size()));
  return data;
}

Data make_bzimage(const Data& payload) {
  constexpr size_t kSetupSectors = 1;
  constexpr size_t kCode = (kSetupSectors + 1) * 512;
  constexpr size_t kPayloadOffset = 0x220; // behind the 64-bit entry
  const size_t protected_mode = (kPayloadOffset + payload.size() + 15) / 16 * 16;
  Data image(kCode + protected_mode);
  poke<uint8_t>(image, 0x1f1, kSetupSectors);
  poke<uint32_t>(image, 0x1f4, static_cast<uint32_t>(protected_mode / 16));
  poke<uint16_t>(image, 0x1fe, 0xaa55);
  poke<uint8_t>(image, 0x200, 0xeb);
  poke<uint8_t>(image, 0x201, 0x6a); // the header ends at 0x26c
  poke<uint32_t>(image, 0x202, 0x53726448);
  poke<uint16_t>(image, 0x206, 0x020f);
  poke<uint8_t>(image, 0x211, 0x01);
  poke<uint32_t>(image, 0x22c, 0x7fffffff);
  poke<uint32_t>(image, 0x230, 0x200000);
  poke<uint8_t>(image, 0x234, 1);
  poke<uint16_t>(image, 0x236, 0x0001);
  poke<uint32_t>(image, 0x238, 2047);
  poke<uint32_t>(image, 0x248, kPayloadOffset);
  poke<uint32_t>(image, 0x24c, static_cast<uint32_t>(payload.size()));
  poke<uint64_t>(image, 0x258, 0x1000000);
  poke<uint32_t>(image, 0x260, 0x800000);
  std::copy(payload.begin(), payload.end(), image.begin() + kCode + kPayloadOffset);
  return image;
}

TempFile::TempFile(const Data& content) {
  path_ = ::testing::TempDir() + "spore-loader-XXXXXX";
  const int fd = ::mkstemp(path_.data());
  EXPECT_GE(fd, 0);
  ::close(fd);
  std::ofstream(path_, std::ios::binary)
      .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
}

TempFile::~TempFile() {
  ::unlink(path_.c_str());
}

} // namespace sporehost::loader::testing
