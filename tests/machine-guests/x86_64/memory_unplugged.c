/* The guest touches memory that it does not have (VMEM-39). The test counts these accesses in the machine's report. */
#include "memory_guest.h"

static void read_all_ones(uint64_t gpa) {
  check("a read of 8 bytes gives all-ones", read64(gpa), ~UINT64_C(0));
  check("a read of 4 bytes gives all-ones", read32(gpa + 4096), 0xffffffff);
  check("a read of 1 byte gives all-ones", read8(gpa + 4097), 0xff);
}

void part_unplugged(void) {
  read_all_ones(gpa_of(0)); /* 3 accesses; never plugged */
  write64(gpa_of(1), 42);   /* 2 writes */
  write8(gpa_of(USABLE_BLOCKS) + 1, 42);
  check("a write is dropped", read64(gpa_of(1)), ~UINT64_C(0)); /* 1 */
  check("beyond the usable region", read64(gpa_of(REGION_BLOCKS) - 8), ~UINT64_C(0)); /* 1 */
  say("seven accesses");

  check("PLUG of a block of the same slot", ask_blocks(PLUG, 2, 1), ACK);
  check("VMEM-36 it is zero", read64(gpa_of(2)), 0);
  write64(gpa_of(2), 42);
  check("VMEM-34 it keeps what is written", read64(gpa_of(2)), 42);
  check("UNPLUG of it", ask_blocks(UNPLUG, 2, 1), ACK);
  read_all_ones(gpa_of(2)); /* 3: the slot has left the machine again */
  say("ten accesses");
  check("PLUG after the accesses", ask_blocks(PLUG, 2, 1), ACK);
  check("VMEM-36 it is zero again", read64(gpa_of(2)), 0);
}

/* Code in memory that is not there: nothing to execute, and nothing that the host could do but end the machine. */
void part_jump(void) {
  say("jumping");
  __asm__ volatile("jmp *%0" : : "r"(gpa_of(0)));
  __builtin_unreachable();
}
