/* What is in plugged memory, and what is not in it any more. */
#include "memory_guest.h"

enum { PAGE = 4096, BLOCKS = 8, VICTIM = 3 };

/* One word in each page, different in all of them. */
static uint64_t word_of(uint64_t gpa) {
  return gpa * UINT64_C(0x100000001b3) ^ UINT64_C(0xcbf29ce484222325);
}

static void fill(uint64_t first, uint64_t count) {
  for (uint64_t gpa = gpa_of(first); gpa < gpa_of(first + count); gpa += PAGE) write64(gpa + 8, word_of(gpa));
}

static uint64_t pages_changed(uint64_t first, uint64_t count) {
  uint64_t changed = 0;
  for (uint64_t gpa = gpa_of(first); gpa < gpa_of(first + count); gpa += PAGE) changed += read64(gpa + 8) != word_of(gpa);
  return changed;
}

static uint64_t words_not_zero(uint64_t first, uint64_t count) {
  uint64_t found = 0;
  for (uint64_t gpa = gpa_of(first); gpa < gpa_of(first + count); gpa += 64) found += (read64(gpa) | read64(gpa + 8)) != 0;
  return found;
}

static void one_block_of_several(void) {
  check("PLUG of 8 blocks", ask_blocks(PLUG, 0, BLOCKS), ACK);
  fill(0, BLOCKS);
  check("VMEM-34 every page keeps its word", pages_changed(0, BLOCKS), 0);
  check("UNPLUG of one in the middle", ask_blocks(UNPLUG, VICTIM, 1), ACK);
  check("VMEM-36 the blocks before are as they were", pages_changed(0, VICTIM), 0);
  check("VMEM-36 the blocks behind are as they were", pages_changed(VICTIM + 1, BLOCKS - VICTIM - 1), 0);
  check("PLUG of it again", ask_blocks(PLUG, VICTIM, 1), ACK);
  check("VMEM-36 it is zero", words_not_zero(VICTIM, 1), 0);
  check("VMEM-36 the blocks before are still as they were", pages_changed(0, VICTIM), 0);
  check("VMEM-36 the blocks behind are still as they were", pages_changed(VICTIM + 1, BLOCKS - VICTIM - 1), 0);
  fill(VICTIM, 1);
  check("VMEM-34 it keeps new words", pages_changed(VICTIM, 1), 0);
}

/* The slot leaves the machine with its last block and comes back empty. */
static void a_whole_slot(void) {
  check("PLUG of one block of the second slot", ask_blocks(PLUG, SLOT_BLOCKS, 1), ACK);
  fill(SLOT_BLOCKS, 1);
  check("UNPLUG of it", ask_blocks(UNPLUG, SLOT_BLOCKS, 1), ACK);
  check("PLUG of it again", ask_blocks(PLUG, SLOT_BLOCKS, 1), ACK);
  check("VMEM-36 a slot that went and came is zero", words_not_zero(SLOT_BLOCKS, 1), 0);
  check("UNPLUG of it again", ask_blocks(UNPLUG, SLOT_BLOCKS, 1), ACK);
}

static void across_slots(void) {
  check("PLUG across two slots", ask_blocks(PLUG, SLOT_BLOCKS - 1, 2), ACK);
  fill(SLOT_BLOCKS - 1, 2);
  /* One word on both sides of the border. */
  write64(gpa_of(SLOT_BLOCKS) - 4, UINT64_C(0x1122334455667788));
  check("VMEM-34 a word across two slots", read64(gpa_of(SLOT_BLOCKS) - 4), UINT64_C(0x1122334455667788));
  check("VMEM-34 pages on both sides", pages_changed(SLOT_BLOCKS - 1, 2), 0);
}

static void after_a_device_reset(void) {
  reset_device(&mem);
  check("VMEM-15 the content outlives a device reset", pages_changed(0, BLOCKS), 0);
  check("VMEM-15 driver starts again", (uint64_t)start_driver(), 1);
  check("VMEM-15 and a new driver", pages_changed(0, BLOCKS), 0);
}

void part_content(void) {
  one_block_of_several();
  a_whole_slot();
  across_slots();
  after_a_device_reset();
}
