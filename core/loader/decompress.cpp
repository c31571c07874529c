#include "core/loader/decompress.hpp"

#include <array>
#include <string>

#include "core/loader/decode_module.hpp"

namespace sporehost::loader {

namespace {

using spore::fail;
using spore::Result;

constexpr size_t kSizeTrailer = 4;

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

Result<size_t> decode(Compression compression, Bytes input, std::span<uint8_t> output) {
  SPORE_TRY(const DecodeModule* module, load_module<DecodeModule>());
  switch (compression) {
    case Compression::gzip:
      return module->gunzip(input, output);
    case Compression::xz:
      return module->unxz(input, output);
    case Compression::lz4_legacy:
      return module->unlz4(input, output);
    default:
      return module->unzstd(input, output);
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
  if (!can_decompress(compression))
    return fail(SPORE_E_UNSUPPORTED, format + " compression cannot be read; use gzip, xz, lz4 or zstd");

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
