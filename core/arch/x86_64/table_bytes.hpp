// Little-endian tables with a checksum byte, as ACPI and the MP specification have them. Pure; [any].
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace sporehost::arch::x86_64 {

using Table = std::vector<uint8_t>;

template <typename T>
void put_at(Table& table, size_t offset, T value) {
  if (table.size() < offset + sizeof(T)) table.resize(offset + sizeof(T));
  std::memcpy(table.data() + offset, &value, sizeof(T));
}

template <typename T>
void append(Table& table, T value) {
  put_at(table, table.size(), value);
}

// `text` cut or padded with spaces to `width`.
inline void append_text(Table& table, std::string_view text, size_t width) {
  for (size_t i = 0; i < width; ++i) table.push_back(i < text.size() ? static_cast<uint8_t>(text[i]) : ' ');
}

[[nodiscard]] inline uint8_t byte_sum(std::span<const uint8_t> bytes) {
  uint8_t sum = 0;
  for (const uint8_t byte : bytes) sum = static_cast<uint8_t>(sum + byte);
  return sum;
}

// Sets the byte at `offset` so that the first `length` bytes add up to 0.
inline void set_checksum(Table& table, size_t offset, size_t length) {
  table[offset] = 0;
  table[offset] = static_cast<uint8_t>(-byte_sum(std::span(table).first(length)));
}

} // namespace sporehost::arch::x86_64
