// Little-endian fields in a payload: a reader that cannot run past the end and a writer that only appends.
//
// Neither throws; neither knows about frames. Both are plain values, used by one thread at a time.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sporehost::guest {

using Bytes = std::span<const std::byte>;

// Reads fields in order. The first field that does not fit makes the reader fail for good: every later read gives 0 or
// an empty text, so a decoder reads all its fields and asks ok() once at the end.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : left_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t remaining() const { return left_.size(); }

  template <std::unsigned_integral T>
  T number() {
    const Bytes raw = take(sizeof(T));
    T value = 0;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      value = static_cast<T>(value | static_cast<T>(static_cast<T>(raw[i]) << (8 * i)));
    }
    return value;
  }

  // A 16-bit length and as many bytes. The view points into the payload.
  std::string_view text() {
    const Bytes raw = take(number<std::uint16_t>());
    return {reinterpret_cast<const char*>(raw.data()), raw.size()};
  }

 private:
  Bytes take(std::size_t count) {
    if (!ok_ || count > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const Bytes head = left_.first(count);
    left_ = left_.subspan(count);
    return head;
  }

  Bytes left_;
  bool ok_ = true;
};

// Appends fields to a vector that the caller owns. A text longer than 65535 bytes makes the writer fail.
class ByteWriter {
 public:
  explicit ByteWriter(std::vector<std::byte>& out) : out_(out) {}

  [[nodiscard]] bool ok() const { return ok_; }

  template <std::unsigned_integral T>
  void number(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) out_.push_back(static_cast<std::byte>(value >> (8 * i)));
  }

  void text(std::string_view value) {
    if (value.size() > std::numeric_limits<std::uint16_t>::max()) {
      ok_ = false;
      value = {};
    }
    number(static_cast<std::uint16_t>(value.size()));
    const auto* raw = reinterpret_cast<const std::byte*>(value.data());
    out_.insert(out_.end(), raw, raw + value.size());
  }

 private:
  std::vector<std::byte>& out_;
  bool ok_ = true;
};

} // namespace sporehost::guest
