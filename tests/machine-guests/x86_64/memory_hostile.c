/* A guest that means harm: it writes to blocks that it does not have, wherever a plugged neighbour keeps the slot in the
 * machine (VMEM-36, VMEM-39). It must never find again what it left there, and what it holds is counted by the host. */
#include "memory_guest.h"

enum { PAGE = 4096 };

static void soil(uint64_t first, uint64_t count) {
  for (uint64_t gpa = gpa_of(first); gpa < gpa_of(first + count); gpa += PAGE) write64(gpa + 16, ~gpa);
}

static uint64_t words_not_zero(uint64_t first, uint64_t count) {
  uint64_t found = 0;
  for (uint64_t gpa = gpa_of(first); gpa < gpa_of(first + count); gpa += 64) found += (read64(gpa) | read64(gpa + 16)) != 0;
  return found;
}

static void beside_a_plugged_block(void) {
  check("PLUG of the first block", ask_blocks(PLUG, 0, 1), ACK);
  soil(1, 3);
  check("what the guest wrote beside it is there: the slot is mapped", read64(gpa_of(1) + 16), ~gpa_of(1));
  check("PLUG of what was never plugged, and written to", ask_blocks(PLUG, 1, 2), ACK);
  check("VMEM-36 it is zero", words_not_zero(1, 2), 0);
  soil(1, 2);
  check("UNPLUG of it", ask_blocks(UNPLUG, 1, 2), ACK);
  check("VMEM-36 it is gone at once", read64(gpa_of(1) + 16), 0);
  soil(1, 2);
  check("PLUG of what was written to after its UNPLUG", ask_blocks(PLUG, 1, 2), ACK);
  check("VMEM-36 it is zero, too", words_not_zero(1, 2), 0);
}

static void in_a_slot_that_leaves(void) {
  check("PLUG of a block of the second slot", ask_blocks(PLUG, SLOT_BLOCKS, 1), ACK);
  soil(SLOT_BLOCKS, 4);
  check("UNPLUG of it", ask_blocks(UNPLUG, SLOT_BLOCKS, 1), ACK);
  check("PLUG of its neighbours", ask_blocks(PLUG, SLOT_BLOCKS + 1, 3), ACK);
  check("VMEM-36 they are zero", words_not_zero(SLOT_BLOCKS + 1, 3), 0);
  check("UNPLUG_ALL", ask(UNPLUG_ALL, 0, 0), ACK);
}

/* As much as it can get with one plugged block: the rest of the slot. */
static void holds_what_it_can(void) {
  check("PLUG of one block", ask_blocks(PLUG, 0, 1), ACK);
  soil(0, SLOT_BLOCKS);
  check("plugged size", plugged_blocks(), 1);
}

void part_hostile(void) {
  beside_a_plugged_block();
  in_a_slot_that_leaves();
  holds_what_it_can();
}
