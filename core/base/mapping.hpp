// A range of this process's address space that unmaps itself.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace sporehost {

class Mapping {
 public:
  Mapping() = default;
  // Takes over what mmap returned; `size` in bytes. MAP_FAILED becomes an empty mapping.
  Mapping(void* address, size_t size)
      : address_(address == MAP_FAILED ? nullptr : address), size_(address_ ? size : 0) {}
  Mapping(Mapping&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    if (this != &other) {
      reset();
      address_ = std::exchange(other.address_, nullptr);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { reset(); }

  [[nodiscard]] uint8_t* data() const { return static_cast<uint8_t*>(address_); }
  [[nodiscard]] size_t size() const { return size_; }
  explicit operator bool() const { return address_ != nullptr; }
  void reset() {
    if (address_) ::munmap(address_, size_);
    address_ = nullptr;
    size_ = 0;
  }

 private:
  void* address_ = nullptr;
  size_t size_ = 0;
};

} // namespace sporehost
