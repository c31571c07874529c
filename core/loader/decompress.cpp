#include "core/loader/decompress.hpp"

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>

namespace sporehost::loader {

namespace {

using spore::fail;
using spore::Result;

constexpr size_t kSizeTrailer = 4;
constexpr uint32_t kLz4LegacyMagic = 0x184c2102;
constexpr size_t kLz4LegacyBlock = 8u << 20; // the legacy frame's fixed block size, before compression
// xz tells how much memory its dictionary needs; the kernel's build uses up to 128 MiB.
constexpr uint64_t kXzMemory = 256u << 20;

struct Magic {
  Compression compression;
  std::string_view bytes;
};

using namespace std::string_view_literals;
constexpr std::array kMagics = {
    Magic{Compression::gzip, "\x1f\x8b"sv},
    Magic{Compression::xz, "\xfd\x37zXZ\0"sv},
    Magic{Compression::lz4_legacy, "\x02\x21\x4c\x18"sv},
    Magic{Compression::zstd, "\x28\xb5\x2f\xfd"sv},
    Magic{Compression::bzip2, "BZh"sv},
    Magic{Compression::lzma, "\x5d\0\0"sv},
    Magic{Compression::lzo, "\x89LZO"sv},
};

spore::Error damaged(std::string_view format, std::string_view why) {
  return fail(SPORE_E_INVALID, std::string(format) + " data is damaged or truncated: " + std::string(why));
}

spore::Error too_large(std::string_view format, size_t limit) {
  return fail(SPORE_E_RANGE,
              std::string(format) + " data expands to more than the " + std::to_string(limit) + " bytes allowed");
}

// Each decoder fills `output` from `input`, whole, and returns how many bytes it wrote. `limit` is output's size.
using Output = std::span<uint8_t>;

// zlib counts in 32 bits: hands it the next stretch of a buffer.
uInt next_chunk(size_t left) {
  return static_cast<uInt>(std::min<size_t>(left, std::numeric_limits<uInt>::max()));
}

Result<size_t> gunzip(Bytes input, Output output) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return fail(SPORE_E_NO_MEMORY, "gzip: out of memory");
  struct End {
    z_stream* stream;
    ~End() { inflateEnd(stream); }
  } end{&stream};

  size_t consumed = 0;
  size_t produced = 0;
  for (;;) {
    const uInt in = next_chunk(input.size() - consumed);
    const uInt out = next_chunk(output.size() - produced);
    stream.next_in = const_cast<Bytef*>(input.data() + consumed); // zlib's signature predates const
    stream.avail_in = in;
    stream.next_out = output.data() + produced;
    stream.avail_out = out;
    const int status = inflate(&stream, Z_NO_FLUSH);
    consumed += in - stream.avail_in;
    produced += out - stream.avail_out;
    if (status == Z_STREAM_END) break;
    if (status == Z_OK) continue;
    if (status == Z_MEM_ERROR) return fail(SPORE_E_NO_MEMORY, "gzip: out of memory");
    if (status != Z_BUF_ERROR) return damaged("gzip", stream.msg ? stream.msg : "bad stream");
    // No progress: one of the two ends is reached.
    return produced == output.size() ? too_large("gzip", output.size()) : damaged("gzip", "it ends in the middle");
  }
  if (consumed != input.size()) return damaged("gzip", "unexpected bytes after its end");
  return produced;
}

Result<size_t> unxz(Bytes input, Output output) {
  uint64_t memory = kXzMemory;
  size_t consumed = 0;
  size_t produced = 0;
  const lzma_ret status = lzma_stream_buffer_decode(&memory, 0, nullptr, input.data(), &consumed, input.size(),
                                                    output.data(), &produced, output.size());
  switch (status) {
    case LZMA_OK:
      break;
    case LZMA_MEM_ERROR:
      return fail(SPORE_E_NO_MEMORY, "xz: out of memory");
    case LZMA_MEMLIMIT_ERROR:
      return fail(SPORE_E_RANGE, "xz data asks for a dictionary larger than " + std::to_string(kXzMemory) + " bytes");
    case LZMA_BUF_ERROR: // no room; an input that ends too early is LZMA_DATA_ERROR
      return too_large("xz", output.size());
    case LZMA_DATA_ERROR:
      return damaged("xz", "it does not decode, or ends in the middle");
    case LZMA_OPTIONS_ERROR:
      return fail(SPORE_E_UNSUPPORTED, "xz data uses a filter that this liblzma does not have");
    default:
      return damaged("xz", "liblzma status " + std::to_string(status));
  }
  if (consumed != input.size()) return damaged("xz", "unexpected bytes after its end");
  return produced;
}

// Blocks of {compressed length, bytes} after the magic, without an end mark: the input's end is the end.
Result<size_t> unlz4(Bytes input, Output output) {
  size_t consumed = sizeof(kLz4LegacyMagic);
  size_t produced = 0;
  while (consumed < input.size()) {
    if (!contains(input, consumed, 4)) return damaged("lz4", "it ends inside a block's length");
    const auto length = read_le<uint32_t>(input, consumed);
    consumed += 4;
    if (length == kLz4LegacyMagic) continue; // concatenated frames
    if (length == 0 || length > static_cast<uint32_t>(LZ4_compressBound(kLz4LegacyBlock))) {
      return damaged("lz4", "a block claims " + std::to_string(length) + " bytes");
    }
    if (!contains(input, consumed, length)) return damaged("lz4", "it ends inside a block");
    const size_t room = std::min(output.size() - produced, kLz4LegacyBlock);
    const int wrote = LZ4_decompress_safe(reinterpret_cast<const char*>(input.data() + consumed),
                                          reinterpret_cast<char*>(output.data() + produced), static_cast<int>(length),
                                          static_cast<int>(room));
    // The library does not tell "no room" from "bad block"; without a full block's room it may be either.
    if (wrote < 0 && room < kLz4LegacyBlock) {
      return fail(SPORE_E_RANGE, "lz4 data is damaged, or expands to more than the " + std::to_string(output.size()) +
                                     " bytes allowed");
    }
    if (wrote < 0) return damaged("lz4", "a block does not decode");
    consumed += length;
    produced += static_cast<size_t>(wrote);
  }
  return produced;
}

Result<size_t> unzstd(Bytes input, Output output) {
  const size_t produced = ZSTD_decompress(output.data(), output.size(), input.data(), input.size());
  if (!ZSTD_isError(produced)) return produced;
  // The frame's checksum catches what the format itself lets through; both come back as error names.
  const std::string_view why = ZSTD_getErrorName(produced);
  if (why.find("Destination buffer is too small") != std::string_view::npos) return too_large("zstd", output.size());
  return damaged("zstd", why);
}

Result<size_t> decode(Compression compression, Bytes input, Output output) {
  switch (compression) {
    case Compression::gzip:
      return gunzip(input, output);
    case Compression::xz:
      return unxz(input, output);
    case Compression::lz4_legacy:
      return unlz4(input, output);
    case Compression::zstd:
      return unzstd(input, output);
    default:
      return fail(SPORE_E_UNSUPPORTED, std::string(compression_name(compression)) +
                                           " compression cannot be read; use gzip, xz, lz4 or zstd");
  }
}

} // namespace

Compression detect_compression(Bytes input) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  for (const Magic& magic : kMagics) {
    if (text.starts_with(magic.bytes)) return magic.compression;
  }
  return Compression::none;
}

std::string_view compression_name(Compression compression) {
  constexpr std::array names = {"no"sv, "gzip"sv, "xz"sv, "lz4"sv, "zstd"sv, "bzip2"sv, "lzma"sv, "lzo"sv};
  return names.at(static_cast<size_t>(compression));
}

bool can_decompress(Compression compression) {
  return compression == Compression::gzip || compression == Compression::xz || compression == Compression::lz4_legacy ||
         compression == Compression::zstd;
}

Result<HostBuffer> decompress(Bytes input, Trailer trailer, size_t limit) {
  const Compression compression = detect_compression(input);
  const std::string format(compression_name(compression));
  if (!can_decompress(compression)) return decode(compression, input, {}).error();

  // What the format can hold is reserved, not allocated; pages come as they are written. An announced size shrinks
  // that.
  size_t capacity = limit;
  if (trailer == Trailer::kernel_size) {
    if (input.size() <= kSizeTrailer + sizeof(uint32_t)) return damaged(format, "it is too short");
    capacity = read_le<uint32_t>(input, input.size() - kSizeTrailer);
    if (capacity == 0) return damaged(format, "it announces a size of 0 bytes");
    if (capacity > limit) {
      return fail(SPORE_E_RANGE, format + " data announces " + std::to_string(capacity) + " bytes, more than the " +
                                     std::to_string(limit) + " allowed; it is damaged or truncated, or not a kernel");
    }
    if (compression != Compression::gzip) input = input.first(input.size() - kSizeTrailer);
  }

  Mapping mapping(::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
                  capacity);
  if (!mapping)
    return fail(SPORE_E_NO_MEMORY, "no room for " + std::to_string(capacity) + " bytes of decompressed data");
  SPORE_TRY(const size_t size, decode(compression, input, {mapping.data(), mapping.size()}));
  if (trailer == Trailer::kernel_size && size != capacity) {
    return damaged(format, "it holds " + std::to_string(size) + " bytes, announced were " + std::to_string(capacity));
  }
  return HostBuffer(std::move(mapping), size);
}

} // namespace sporehost::loader
