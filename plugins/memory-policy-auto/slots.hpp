// How large the slots of a region are, in which memory enters and leaves the VM.
#pragma once

#include <sporehost/memory_policy.h>

namespace memory_policy {

// The smallest slot with which a backend of `facts.memory_slots_max` slots can plug the whole region: a power of two; 0
// for the host's default, where that one will do. At least one slot must be left beside those of RAM (can_slot).
uint64_t slot_bytes_for(uint64_t region_bytes, const spore_memory_facts& facts);

// Whether the backend has a slot for any region at all.
bool can_slot(const spore_memory_facts& facts);

} // namespace memory_policy
