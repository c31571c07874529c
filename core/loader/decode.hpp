// The decoders of the four formats that a kernel may be packed in; decompress.hpp has what callers want.
#pragma once

#include <sporehost/result.hpp>

#include <span>
#include <string>
#include <string_view>

#include "core/loader/bytes.hpp"

namespace sporehost::loader {

// Each fills `output` from `input`, all of it, and returns how many bytes that were. [any] Errors: SPORE_E_INVALID the
// data is damaged or truncated; SPORE_E_RANGE it holds more than `output`; SPORE_E_UNSUPPORTED; SPORE_E_NO_MEMORY.
using Decoder = spore::Result<size_t>(Bytes input, std::span<uint8_t> output);

// RFC 1952.
Decoder gunzip;
// The .xz file format 1.1.0.
Decoder unxz;
// The legacy frame of `lz4 -l`, which the kernel's build uses: blocks of 8 MiB, without checksums.
Decoder unlz4;
// RFC 8878.
Decoder unzstd;

[[nodiscard]] inline spore::Error damaged(std::string_view format, std::string_view why) {
  return spore::fail(SPORE_E_INVALID, std::string(format) + " data is damaged or truncated: " + std::string(why));
}

} // namespace sporehost::loader
