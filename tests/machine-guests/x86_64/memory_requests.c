/* Which request gets which answer. 256 MiB of 15.5 GiB are requested, 384 MiB are usable. */
#include "memory_guest.h"

static void configuration(void) {
  check("VMEM-01 block size is 2 MiB", block, UINT64_C(2) << 20);
  check("VMEM-02 region begins on a memory block", region % (UINT64_C(128) << 20), 0);
  check("VMEM-02 region size", read_config64(&mem, REGION_SIZE), REGION_BLOCKS * block);
  check("VMEM-11 usable size", read_config64(&mem, USABLE_REGION_SIZE), USABLE_BLOCKS * block);
  check("requested size", read_config64(&mem, REQUESTED_SIZE), REQUESTED_BLOCKS * block);
  check("nothing is plugged", plugged_blocks(), 0);
  write32(mem.window + CONFIG + REQUESTED_SIZE, 0);
  check("VMEM-09 configuration is read-only", read_config64(&mem, REQUESTED_SIZE), REQUESTED_BLOCKS * block);
}

static void features(void) {
  check("VMEM-12 a driver without UNPLUGGED_INACCESSIBLE is refused", (uint64_t)negotiate(&mem, FEATURE_VERSION_1), 0);
  check("VMEM-12 one with it is taken", (uint64_t)start_driver(), 1);
}

/* Everything here leaves the memory as it was: the last check of it says so. */
static void wrong_ranges(void) {
  check("VMEM-18 PLUG by 4 KiB off", ask(PLUG, region + 4096, 1), ERROR);
  check("VMEM-18 PLUG by half a block off", ask(PLUG, region + block / 2, 1), ERROR);
  check("VMEM-18 unaligned and far away", ask(PLUG, ~UINT64_C(0), 1), ERROR);
  check("VMEM-19 PLUG of 0 blocks", ask_blocks(PLUG, 0, 0), ERROR);
  check("VMEM-19 UNPLUG of 0 blocks", ask_blocks(UNPLUG, 0, 0), ERROR);
  check("VMEM-19 STATE of 0 blocks", ask_blocks(STATE, 0, 0), ERROR);
  check("VMEM-20 PLUG below the region", ask(PLUG, region - block, 1), ERROR);
  check("VMEM-20 PLUG from below into the region", ask(PLUG, region - block, 2), ERROR);
  check("VMEM-20 PLUG at address 0", ask(PLUG, 0, 1), ERROR);
  check("VMEM-20 PLUG at the usable end", ask_blocks(PLUG, USABLE_BLOCKS, 1), ERROR);
  check("VMEM-20 PLUG across the usable end", ask_blocks(PLUG, USABLE_BLOCKS - 1, 2), ERROR);
  check("VMEM-20 PLUG at the region's end", ask_blocks(PLUG, REGION_BLOCKS, 1), ERROR);
  check("VMEM-20 PLUG whose end overflows", ask(PLUG, 0 - block, 2), ERROR);
  check("VMEM-20 PLUG whose end overflows to 0", ask(PLUG, 0 - block, 1), ERROR);
  check("VMEM-20 PLUG of 65535 blocks", ask_blocks(PLUG, 0, 65535), ERROR);
  check("VMEM-20 65535 blocks that overflow", ask(PLUG, 0 - block, 65535), ERROR);
  check("VMEM-31 STATE at the usable end", ask_blocks(STATE, USABLE_BLOCKS, 1), ERROR);
  check("VMEM-31 STATE of 65535 blocks", ask_blocks(STATE, 0, 65535), ERROR);
  check("VMEM-31 STATE unaligned", ask(STATE, region + 1, 1), ERROR);
  check("VMEM-22 UNPLUG of 65535 blocks", ask_blocks(UNPLUG, 0, 65535), ERROR);
  check("a request of an unknown type", ask_blocks(4, 0, 1), ERROR);
  check("VMEM-23 errors plug nothing", plugged_blocks(), 0);
}

static void block_states(void) {
  check("PLUG of one block", ask_blocks(PLUG, 0, 1), ACK);
  check("VMEM-06 plugged size after one", plugged_blocks(), 1);
  check("VMEM-21 PLUG of a plugged block", ask_blocks(PLUG, 0, 1), ERROR);
  check("VMEM-21 PLUG of a plugged and an unplugged block", ask_blocks(PLUG, 0, 2), ERROR);
  check("VMEM-22 UNPLUG of an unplugged block", ask_blocks(UNPLUG, 1, 1), ERROR);
  check("VMEM-22 UNPLUG of a plugged and an unplugged block", ask_blocks(UNPLUG, 0, 2), ERROR);
  check("VMEM-23 half a request is not done", plugged_blocks(), 1);
  check("VMEM-32 plugged", state_of(0, 1), PLUGGED);
  check("VMEM-32 unplugged", state_of(1, 1), UNPLUGGED);
  check("VMEM-32 mixed", state_of(0, 2), MIXED);
  check("VMEM-32 mixed over all that is usable", state_of(0, USABLE_BLOCKS), MIXED);
  check("VMEM-32 unplugged over the rest", state_of(1, USABLE_BLOCKS - 1), UNPLUGGED);
}

static void requested_size(void) {
  check("VMEM-24 PLUG of more than is requested", ask_blocks(PLUG, 1, REQUESTED_BLOCKS), NACK);
  check("VMEM-23 NACK plugs nothing", plugged_blocks(), 1);
  check("PLUG of all that is requested", ask_blocks(PLUG, 1, REQUESTED_BLOCKS - 1), ACK);
  check("VMEM-06 plugged size is the requested", read_config64(&mem, PLUGGED_SIZE), REQUESTED_BLOCKS * block);
  check("VMEM-24 PLUG of one more", ask_blocks(PLUG, REQUESTED_BLOCKS, 1), NACK);
  check("VMEM-21 PLUG of a plugged block, all plugged", ask_blocks(PLUG, 0, 1), ERROR);
  check("UNPLUG of one block", ask_blocks(UNPLUG, 5, 1), ACK);
  check("VMEM-06 plugged size after UNPLUG", plugged_blocks(), REQUESTED_BLOCKS - 1);
  check("VMEM-24 PLUG of two where there is room for one", ask_blocks(PLUG, REQUESTED_BLOCKS, 2), NACK);
  check("PLUG of another block in its place", ask_blocks(PLUG, REQUESTED_BLOCKS, 1), ACK);
  check("VMEM-32 the hole", state_of(4, 3), MIXED);
  check("UNPLUG across slots", ask_blocks(UNPLUG, SLOT_BLOCKS - 2, 4), ACK);
  check("VMEM-32 unplugged across slots", state_of(SLOT_BLOCKS - 2, 4), UNPLUGGED);
  check("VMEM-06 plugged size after UNPLUG of four", plugged_blocks(), REQUESTED_BLOCKS - 4);
}

static void resets_and_unplug_all(void) {
  reset_device(&mem);
  check("VMEM-15 driver starts again", (uint64_t)start_driver(), 1);
  check("VMEM-15 a device reset unplugs nothing", plugged_blocks(), REQUESTED_BLOCKS - 4);
  check("VMEM-15 nor does it plug", state_of(SLOT_BLOCKS - 2, 4), UNPLUGGED);
  check("VMEM-33 UNPLUG_ALL first", ask(UNPLUG_ALL, 0, 0), ACK);
  check("VMEM-30 plugged size 0", plugged_blocks(), 0);
  check("VMEM-32 all unplugged", state_of(0, USABLE_BLOCKS), UNPLUGGED);
  check("VMEM-30 UNPLUG_ALL of nothing", ask(UNPLUG_ALL, 0, 0), ACK);
}

void part_requests(void) {
  configuration();
  features();
  wrong_ranges();
  block_states();
  requested_size();
  resets_and_unplug_all();
}
