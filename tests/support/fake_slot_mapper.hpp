// A backend's memory map as tests need it: records what is mapped, refuses overlaps, fails when told to.
#pragma once

#include <functional>
#include <map>

#include "core/memory/elastic_region.hpp"

namespace sporehost::testing {

class FakeSlotMapper final : public SlotMapper {
 public:
  spore::Result<void> map_slot(uint64_t gpa, void* host, uint64_t bytes) override {
    if (fail_map_after == 0) return spore::fail(SPORE_E_NO_MEMORY, "told to fail");
    if (fail_map_after > 0) --fail_map_after;
    for (const auto& [start, slot] : mapped)
      if (gpa < start + slot.bytes && start < gpa + bytes) return spore::fail(SPORE_E_EXISTS, "slots overlap");
    mapped[gpa] = {host, bytes};
    ++maps;
    if (on_map) on_map(static_cast<uint8_t*>(host));
    return {};
  }
  spore::Result<void> unmap_slot(uint64_t gpa, uint64_t bytes) override {
    if (fail_unmap || fail_unmap_after == 0) return spore::fail(SPORE_E_IO, "told to fail");
    if (fail_unmap_after > 0) --fail_unmap_after;
    const auto slot = mapped.find(gpa);
    if (slot == mapped.end() || slot->second.bytes != bytes) return spore::fail(SPORE_E_NOT_FOUND, "no such slot");
    if (on_unmap) on_unmap(static_cast<uint8_t*>(slot->second.host));
    mapped.erase(slot);
    ++unmaps;
    return {};
  }

  struct Slot {
    void* host;
    uint64_t bytes;
  };
  std::map<uint64_t, Slot> mapped;
  int maps = 0;
  int unmaps = 0;
  int fail_map_after = -1; // -1: never
  int fail_unmap_after = -1;
  bool fail_unmap = false;
  std::function<void(uint8_t*host)> on_map, on_unmap; // the guest, which can use a slot from the one to the other
};

} // namespace sporehost::testing
