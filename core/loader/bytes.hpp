// Reading little-endian numbers out of an image. All formats here are little-endian, and so is every host we run on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "core/base/assertion.hpp"

namespace sporehost::loader {

using Bytes = std::span<const uint8_t>;

// Whether [offset, offset + length) lies inside `bytes`; never overflows. [any]
constexpr bool contains(Bytes bytes, uint64_t offset, uint64_t length) {
  return offset <= bytes.size() && length <= bytes.size() - offset;
}

// The T at `offset`; the caller has checked that it lies inside. Alignment does not matter. [any]
template <typename T>
[[nodiscard]] T read_le(Bytes bytes, uint64_t offset) {
  static_assert(std::is_trivially_copyable_v<T>);
  SPORE_ASSERT(contains(bytes, offset, sizeof(T)));
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

} // namespace sporehost::loader
