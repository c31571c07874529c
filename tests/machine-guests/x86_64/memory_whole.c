/* The whole region: the device requests it when the driver is there, and every block is plugged by a request of its own. */
#include "memory_guest.h"

enum { CHECK_EVERY = 256, SAMPLE_EVERY = 64 };

static uint64_t pattern(uint64_t index) {
  return UINT64_C(0x9e3779b97f4a7c15) * (index + 1);
}

/* Block numbers to look into: the first, every 64th, the last. */
static uint64_t next_sample(uint64_t index) {
  if (index == REGION_BLOCKS - 1) return REGION_BLOCKS;
  return index + SAMPLE_EVERY < REGION_BLOCKS ? index + SAMPLE_EVERY : REGION_BLOCKS - 1;
}

static void grow(void) {
  const uint64_t usable = read_config64(&mem, USABLE_REGION_SIZE);
  write32(mem.window + INTERRUPT_ACK, USED_BUFFER | CONFIG_CHANGED);
  check("PLUG of one block", ask_blocks(PLUG, 0, 1), ACK);
  check("VMEM-30 UNPLUG_ALL", ask(UNPLUG_ALL, 0, 0), ACK);
  wait_for_requested(REGION_BLOCKS * block); /* the policy's answer to an empty region */
  check("VMEM-07 configuration interrupt", read32(mem.window + INTERRUPT_STATUS) & CONFIG_CHANGED, CONFIG_CHANGED);
  check("VMEM-05 the usable region has grown", read_config64(&mem, USABLE_REGION_SIZE) > usable, 1);
  check("VMEM-04 the usable region holds the requested size", read_config64(&mem, USABLE_REGION_SIZE),
        REGION_BLOCKS * block);
}

static void plug_every_block(void) {
  uint64_t acknowledged = 0;
  uint64_t wrong_sizes = 0;
  say("plugging");
  for (uint64_t i = 0; i < REGION_BLOCKS; ++i) {
    acknowledged += ask_blocks(PLUG, i, 1) == ACK;
    if ((i + 1) % CHECK_EVERY == 0) wrong_sizes += plugged_blocks() != i + 1;
  }
  say("plugged");
  check("7936 requests are acknowledged", acknowledged, REGION_BLOCKS);
  check("VMEM-06 plugged size is exact on the way", wrong_sizes, 0);
  check("VMEM-06 plugged size is the region", read_config64(&mem, PLUGGED_SIZE), read_config64(&mem, REGION_SIZE));
  check("VMEM-32 all is plugged", state_of(0, REGION_BLOCKS), PLUGGED);
  check("VMEM-21 the last block again", ask_blocks(PLUG, REGION_BLOCKS - 1, 1), ERROR);
  check("VMEM-20 one block more", ask_blocks(PLUG, REGION_BLOCKS, 1), ERROR);
}

/* First and last word of each sampled block. All are written before the first is read: no two may be the same memory. */
static void use_it(void) {
  uint64_t not_zero = 0;
  uint64_t wrong = 0;
  uint64_t samples = 0;
  for (uint64_t i = 0; i < REGION_BLOCKS; i = next_sample(i)) {
    not_zero += (read64(gpa_of(i)) | read64(gpa_of(i + 1) - 8)) != 0;
    write64(gpa_of(i), pattern(i));
    write64(gpa_of(i + 1) - 8, ~pattern(i));
    ++samples;
  }
  for (uint64_t i = 0; i < REGION_BLOCKS; i = next_sample(i)) {
    wrong += read64(gpa_of(i)) != pattern(i) || read64(gpa_of(i + 1) - 8) != ~pattern(i);
  }
  check("samples", samples, REGION_BLOCKS / SAMPLE_EVERY + 1);
  check("VMEM-36 fresh memory is zero", not_zero, 0);
  check("VMEM-34 memory keeps what is written", wrong, 0);
}

static void shrink(void) {
  check("VMEM-30 UNPLUG_ALL of the whole region", ask(UNPLUG_ALL, 0, 0), ACK);
  check("VMEM-30 plugged size 0", plugged_blocks(), 0);
  check("mixed sizes: 4096 blocks", ask_blocks(PLUG, 0, 4096), ACK);
  check("mixed sizes: 3839 blocks", ask_blocks(PLUG, 4097, 3839), ACK);
  check("mixed sizes: the one between", ask_blocks(PLUG, 4096, 1), ACK);
  check("mixed sizes: all is plugged", plugged_blocks(), REGION_BLOCKS);
  uint64_t not_zero = 0;
  for (uint64_t i = 0; i < REGION_BLOCKS; i = next_sample(i)) not_zero += read64(gpa_of(i)) != 0;
  check("VMEM-36 memory is zero after all of it was unplugged", not_zero, 0);
  check("UNPLUG of all blocks by number", ask_blocks(UNPLUG, 0, REGION_BLOCKS), ACK);
  check("plugged size 0 again", plugged_blocks(), 0);
}

void part_whole(void) {
  grow();
  plug_every_block();
  use_it();
  shrink();
}
