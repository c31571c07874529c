// Guest memory for tests of the core: one flat region, holes that can be punched, and honest 16-bit atomics, so that
// thread tests mean something.
#pragma once

#include "core/memory/memory_access.hpp"

#include <atomic>
#include <cstring>
#include <utility>
#include <vector>

namespace sporehost::testing {

class FlatMemory : public MemoryAccess {
 public:
  explicit FlatMemory(uint64_t bytes, uint64_t base = 0) : base_(base), words_((bytes + 7) / 8), bytes_(bytes) {}

  [[nodiscard]] spore_status read(uint64_t gpa, std::span<uint8_t> to) const override {
    if (!contains(gpa, to.size())) return SPORE_E_RANGE;
    if (!to.empty()) std::memcpy(to.data(), at(gpa), to.size());
    return SPORE_OK;
  }
  [[nodiscard]] spore_status write(uint64_t gpa, std::span<const uint8_t> from) override {
    if (!contains(gpa, from.size())) return SPORE_E_RANGE;
    if (!from.empty()) std::memcpy(at(gpa), from.data(), from.size());
    return SPORE_OK;
  }
  [[nodiscard]] bool contains(uint64_t gpa, uint64_t bytes) const override {
    if (gpa < base_ || bytes > bytes_ || gpa - base_ > bytes_ - bytes) return false;
    for (const auto& [from, length] : holes_) {
      if (gpa < from + length && from < gpa + bytes) return false;
    }
    return true;
  }
  [[nodiscard]] spore_status load_u16(uint64_t gpa, uint16_t& out) const override {
    if (gpa % 2 != 0) return SPORE_E_INVALID;
    if (!contains(gpa, 2)) return SPORE_E_RANGE;
    out = word(gpa).load(std::memory_order_acquire);
    return SPORE_OK;
  }
  [[nodiscard]] spore_status store_u16(uint64_t gpa, uint16_t value) override {
    if (gpa % 2 != 0) return SPORE_E_INVALID;
    if (!contains(gpa, 2)) return SPORE_E_RANGE;
    word(gpa).store(value, std::memory_order_release);
    return SPORE_OK;
  }

  // Takes [gpa, gpa + bytes) away, as an unplug does. Not while other threads access the memory.
  void punch(uint64_t gpa, uint64_t bytes) { holes_.emplace_back(gpa, bytes); }
  void mend() { holes_.clear(); }

  template <typename T>
  [[nodiscard]] T get(uint64_t gpa) const {
    T value{};
    std::memcpy(&value, at(gpa), sizeof value);
    return value;
  }
  template <typename T>
  void put(uint64_t gpa, const T& value) {
    std::memcpy(at(gpa), &value, sizeof value);
  }
  [[nodiscard]] std::span<uint8_t> bytes() { return {at(base_), static_cast<size_t>(bytes_)}; }

 private:
  [[nodiscard]] uint8_t* at(uint64_t gpa) const {
    return reinterpret_cast<uint8_t*>(const_cast<uint64_t*>(words_.data())) + (gpa - base_);
  }
  [[nodiscard]] std::atomic_ref<uint16_t> word(uint64_t gpa) const {
    return std::atomic_ref<uint16_t>(*reinterpret_cast<uint16_t*>(at(gpa)));
  }

  uint64_t base_;
  std::vector<uint64_t> words_; // for alignment
  uint64_t bytes_;
  std::vector<std::pair<uint64_t, uint64_t>> holes_;
};

} // namespace sporehost::testing
