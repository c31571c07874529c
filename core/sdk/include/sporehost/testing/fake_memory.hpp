// Guest memory for tests: regions of guest-physical addresses whose bytes are kept sparsely, so a 16 GiB region costs
// what was written to it.
#pragma once

#include <sporehost/abi.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spore::testing {

// Bytes addressed from 0, all zero until written. [device] or one thread.
class SparseBytes {
 public:
  static constexpr uint64_t kPage = 4096;

  void read(uint64_t offset, void* to, size_t bytes) const {
    visit(offset, bytes, [&](uint64_t page, size_t in_page, size_t done, size_t part) {
      const auto found = pages_.find(page);
      auto* target = static_cast<uint8_t*>(to) + done;
      if (found == pages_.end()) {
        std::memset(target, 0, part);
      } else {
        std::memcpy(target, found->second.data() + in_page, part);
      }
    });
  }

  void write(uint64_t offset, const void* from, size_t bytes) {
    visit(offset, bytes, [&](uint64_t page, size_t in_page, size_t done, size_t part) {
      std::memcpy(pages_[page].data() + in_page, static_cast<const uint8_t*>(from) + done, part);
    });
  }

  // Forgets whole pages; both arguments are multiples of kPage.
  void discard(uint64_t offset, uint64_t bytes) {
    pages_.erase(pages_.lower_bound(offset / kPage), pages_.lower_bound((offset + bytes) / kPage));
  }

  // What the content costs, in bytes.
  [[nodiscard]] uint64_t resident_bytes() const { return pages_.size() * kPage; }

 private:
  template <typename Visitor>
  static void visit(uint64_t offset, size_t bytes, Visitor&& visitor) {
    for (size_t done = 0; done < bytes;) {
      const uint64_t at = offset + done;
      const size_t in_page = at % kPage;
      const size_t part = std::min<size_t>(bytes - done, kPage - in_page);
      visitor(at / kPage, in_page, done, part);
      done += part;
    }
  }

  std::map<uint64_t, std::array<uint8_t, kPage>> pages_;
};

// The guest's memory map. A region's owner may say which of its bytes are there (an elastic region does).
class FakeMemory {
 public:
  using Present = std::function<bool(uint64_t offset, uint64_t bytes)>;

  // Adds a region that is all there.
  void add_region(uint64_t gpa, uint64_t bytes) { regions_.push_back({gpa, bytes, &ram_[gpa], {}}); }
  // Adds a region whose content lies elsewhere; `content` must outlive this object.
  void add_region(uint64_t gpa, uint64_t bytes, SparseBytes& content, Present present) {
    regions_.push_back({gpa, bytes, &content, std::move(present)});
  }

  // As read_memory and write_memory of host.h: across regions, all or nothing.
  spore_status read(uint64_t gpa, void* to, size_t bytes) const {
    return access(gpa, bytes, [to](const Region& region, uint64_t offset, size_t done, size_t part) {
      region.content->read(offset, static_cast<uint8_t*>(to) + done, part);
    });
  }
  spore_status write(uint64_t gpa, const void* from, size_t bytes) {
    return access(gpa, bytes, [from](const Region& region, uint64_t offset, size_t done, size_t part) {
      region.content->write(offset, static_cast<const uint8_t*>(from) + done, part);
    });
  }

 private:
  struct Region {
    uint64_t gpa;
    uint64_t bytes;
    SparseBytes* content;
    Present present;
  };

  [[nodiscard]] const Region* find(uint64_t gpa) const {
    for (const Region& region : regions_) {
      if (gpa >= region.gpa && gpa - region.gpa < region.bytes) return &region;
    }
    return nullptr;
  }

  template <typename Visitor>
  spore_status access(uint64_t gpa, size_t bytes, Visitor&& visitor) const {
    struct Part {
      const Region* region;
      uint64_t offset;
      size_t done;
      size_t bytes;
    };
    std::vector<Part> parts;
    for (size_t done = 0; done < bytes;) {
      if (gpa > UINT64_MAX - done) return SPORE_E_RANGE;
      const Region* region = find(gpa + done);
      if (region == nullptr) return SPORE_E_RANGE;
      const uint64_t offset = gpa + done - region->gpa;
      const auto part = static_cast<size_t>(std::min<uint64_t>(bytes - done, region->bytes - offset));
      if (region->present && !region->present(offset, part)) return SPORE_E_RANGE;
      parts.push_back({region, offset, done, part});
      done += part;
    }
    for (const Part& part : parts) visitor(*part.region, part.offset, part.done, part.bytes);
    return SPORE_OK;
  }

  std::map<uint64_t, SparseBytes> ram_;
  std::vector<Region> regions_;
};

} // namespace spore::testing
