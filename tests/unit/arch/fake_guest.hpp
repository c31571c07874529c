// Guest memory for the tests of this folder: one array of low RAM, and reading back from it.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "core/arch/guest_writer.hpp"

namespace sporehost::arch::testing {

class FakeGuest : public GuestWriter {
 public:
  explicit FakeGuest(size_t size = 2u << 20) : ram_(size) {}

  spore::Result<void> write(uint64_t gpa, std::span<const uint8_t> bytes) override {
    if (gpa > ram_.size() || bytes.size() > ram_.size() - gpa) return spore::fail(SPORE_E_RANGE, "outside RAM");
    std::memcpy(ram_.data() + gpa, bytes.data(), bytes.size());
    return {};
  }

  template <typename T>
  [[nodiscard]] T read(uint64_t gpa) const {
    T value;
    std::memcpy(&value, ram_.data() + gpa, sizeof(T));
    return value;
  }

  [[nodiscard]] std::string text(uint64_t gpa) const { return reinterpret_cast<const char*>(ram_.data() + gpa); }

 private:
  std::vector<uint8_t> ram_;
};

// A little-endian number inside a table.
template <typename T>
T at(std::span<const uint8_t> bytes, size_t offset) {
  T value{};
  if (offset + sizeof(T) <= bytes.size()) std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

} // namespace sporehost::arch::testing
