#include "slots.hpp"

namespace memory_policy {
namespace {

constexpr uint32_t kSlotsOfRam = 2;
constexpr uint64_t kDefaultSlot = uint64_t{128} << 20;

} // namespace

bool can_slot(const spore_memory_facts& facts) {
  return facts.memory_slots_max == 0 || facts.memory_slots_max > kSlotsOfRam;
}

uint64_t slot_bytes_for(uint64_t region_bytes, const spore_memory_facts& facts) {
  if (facts.memory_slots_max == 0) return 0;
  const uint64_t most = facts.memory_slots_max - kSlotsOfRam;
  uint64_t slot = kDefaultSlot;
  while ((region_bytes + slot - 1) / slot > most) slot *= 2;
  return slot == kDefaultSlot ? 0 : slot;
}

} // namespace memory_policy
