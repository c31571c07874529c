// Decompression of kernel images and of what is embedded in them, bounded against inputs made to explode.
#pragma once

#include <sporehost/result.hpp>

#include <string_view>

#include "core/base/mapping.hpp"
#include "core/loader/bytes.hpp"

namespace sporehost::loader {

// By the first bytes of the stream. The last three are recognised for their name in messages; they cannot be read here.
enum class Compression { none, gzip, xz, lz4_legacy, zstd, bzip2, lzma, lzo };

// [any]
[[nodiscard]] Compression detect_compression(Bytes input);
[[nodiscard]] std::string_view compression_name(Compression compression);
[[nodiscard]] bool can_decompress(Compression compression);

// What follows the compressed stream.
enum class Trailer {
  none,
  // The kernel's build ends every compressed image with its uncompressed size, 32 bits little-endian. For xz, lz4 and
  // zstd that number is appended to the stream; for gzip it is the stream's own last word (RFC 1952, ISIZE).
  kernel_size
};

// Bytes that decompression made. Owns them, page-aligned; movable, and spans into it stay valid across a move.
class HostBuffer {
 public:
  HostBuffer() = default;
  HostBuffer(Mapping mapping, size_t size) : mapping_(std::move(mapping)), size_(size) {}
  [[nodiscard]] Bytes bytes() const { return {mapping_.data(), size_}; }

 private:
  Mapping mapping_;
  size_t size_ = 0;
};

// Decompresses the whole of `input`, at most `limit` bytes (1 <= limit). With Trailer::kernel_size the result has
// exactly the announced size. [any] Errors: SPORE_E_UNSUPPORTED a compression we cannot read; SPORE_E_INVALID damaged
// or truncated; SPORE_E_RANGE larger than `limit`; SPORE_E_NO_MEMORY.
[[nodiscard]] spore::Result<HostBuffer> decompress(Bytes input, Trailer trailer, size_t limit);

} // namespace sporehost::loader
