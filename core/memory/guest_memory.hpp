// All of one guest's memory: fixed RAM regions and at most one elastic region. Every access of every device goes
// through it, so hot-added memory is ordinary memory to each of them (VMEM-35).
#pragma once

#include <sporehost/result.hpp>

#include <memory>
#include <vector>

#include "core/memory/elastic_region.hpp"
#include "core/memory/memory_access.hpp"

namespace sporehost {

class GuestMemory final : public MemoryAccess {
 public:
  struct Region {
    uint64_t gpa = 0;
    Mapping mapping;
    [[nodiscard]] uint64_t bytes() const { return mapping.size(); }
    [[nodiscard]] uint64_t end() const { return gpa + mapping.size(); }
  };

  // Adds `bytes` of zeroed RAM at `gpa`, both page-aligned. [main], before the guest runs. Allocates when touched.
  spore::Result<void> add_ram(uint64_t gpa, uint64_t bytes);

  // Adds the elastic region. [main], before the guest runs; once.
  spore::Result<void> add_elastic(std::unique_ptr<ElasticRegion> region);

  // Lays `bytes` of a file, from its page-aligned `offset`, over RAM at the page-aligned `gpa`: private, from the page
  // cache, copied only where somebody writes. [main], before the guest runs. The rest of the last page has what the
  // file has there; behind the file's end it reads as zero.
  spore::Result<void> map_file(uint64_t gpa, int fd, uint64_t offset, uint64_t bytes);

  // Reads the first `bytes` of a file into RAM at `gpa`. [main], before the guest runs. SPORE_E_IO when the file ends
  // before.
  spore::Result<void> read_file(uint64_t gpa, int fd, uint64_t bytes);

  [[nodiscard]] const std::vector<Region>& ram() const { return ram_; }
  [[nodiscard]] ElasticRegion* elastic() const { return elastic_.get(); }

  [[nodiscard]] spore_status read(uint64_t gpa, std::span<uint8_t> to) const override;
  [[nodiscard]] spore_status write(uint64_t gpa, std::span<const uint8_t> from) override;
  [[nodiscard]] bool contains(uint64_t gpa, uint64_t bytes) const override;
  [[nodiscard]] spore_status load_u16(uint64_t gpa, uint16_t& out) const override;
  [[nodiscard]] spore_status store_u16(uint64_t gpa, uint16_t value) override;

 private:
  // Calls `use(host pointer, bytes)` for each piece of [gpa, gpa + bytes), in order. Nothing is called unless all of it
  // is memory; an elastic piece cannot be unplugged while it is in use.
  template <typename Use>
  spore_status for_each_piece(uint64_t gpa, uint64_t bytes, Use&& use) const;
  // Where [gpa, gpa + bytes) of one RAM region is in this process.
  [[nodiscard]] spore::Result<uint8_t*> place_for_file(uint64_t gpa, uint64_t bytes) const;
  [[nodiscard]] bool overlaps(uint64_t gpa, uint64_t bytes) const;

  std::vector<Region> ram_; // sorted by gpa; constant once the guest runs
  std::unique_ptr<ElasticRegion> elastic_;
};

} // namespace sporehost
