// The module with the decoders; see decode_module.hpp.
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>

#include "core/loader/decode_module.hpp"

namespace sporehost::loader {

namespace {

using spore::fail;
using spore::Result;

constexpr uint32_t kLz4LegacyMagic = 0x184c2102;
constexpr size_t kLz4LegacyBlock = 8u << 20; // the legacy frame's fixed block size, before compression
// xz tells how much memory its dictionary needs; the kernel's build uses up to 128 MiB.
constexpr uint64_t kXzMemory = 256u << 20;

spore::Error too_large(std::string_view format, size_t limit) {
  return fail(SPORE_E_RANGE,
              std::string(format) + " data expands to more than the " + std::to_string(limit) + " bytes allowed");
}

// zlib counts in 32 bits: hands it the next stretch of a buffer.
uInt next_chunk(size_t left) {
  return static_cast<uInt>(std::min<size_t>(left, std::numeric_limits<uInt>::max()));
}

} // namespace

Result<size_t> gunzip(Bytes input, std::span<uint8_t> output) {
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

Result<size_t> unxz(Bytes input, std::span<uint8_t> output) {
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
Result<size_t> unlz4(Bytes input, std::span<uint8_t> output) {
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

Result<size_t> unzstd(Bytes input, std::span<uint8_t> output) {
  const size_t produced = ZSTD_decompress(output.data(), output.size(), input.data(), input.size());
  if (!ZSTD_isError(produced)) return produced;
  // The frame's checksum catches what the format itself lets through; both come back as error names.
  const std::string_view why = ZSTD_getErrorName(produced);
  if (why.find("Destination buffer is too small") != std::string_view::npos) return too_large("zstd", output.size());
  return damaged("zstd", why);
}

} // namespace sporehost::loader

extern "C" __attribute__((visibility("default"))) const void* sporehost_decode_module() {
  using namespace sporehost::loader;
  static constexpr DecodeModule module{SPORE_MODULE_VERSION, &gunzip, &unxz, &unlz4, &unzstd};
  return &module;
}
