/* Queues and buffers of devices in plugged memory (VMEM-35): rings in block 0, buffers in block 70, which is in another
 * slot. */
#include "memory_guest.h"

enum { BUFFER_BLOCK = 70, BYTES = 256 };

static struct device rng;

/* Random bytes hold 256 zero bits once in 2^256 runs. */
static uint64_t is_filled(uint64_t gpa) {
  for (uint32_t at = 0; at < BYTES; at += 32)
    if ((read64(gpa + at) | read64(gpa + at + 8) | read64(gpa + at + 16) | read64(gpa + at + 24)) == 0) return 0;
  return 1;
}

static uint32_t draw(uint64_t gpa) {
  const struct buffer chain[] = {{gpa, BYTES, 1}};
  return transfer(&rng, chain, 1);
}

static int start_rng(struct rings* rings) {
  return negotiate(&rng, FEATURE_VERSION_1) && go_live(&rng, rings);
}

static uint64_t needs_reset(void) {
  return (read32(rng.window + STATUS) & NEEDS_RESET) != 0;
}

static void everything_in_plugged_memory(void) {
  struct rings* rings = (struct rings*)(uintptr_t)gpa_of(0);
  check("virtio-rng starts with its rings in plugged memory", (uint64_t)start_rng(rings), 1);
  check("VMEM-35 a buffer in plugged memory", draw(gpa_of(BUFFER_BLOCK)), BYTES);
  check("VMEM-35 is filled", is_filled(gpa_of(BUFFER_BLOCK)), 1);
  const struct buffer pieces[] = {{gpa_of(1) - 128, BYTES / 2, 1}, {gpa_of(BUFFER_BLOCK + 1) - 128, BYTES / 2, 1}};
  check("VMEM-35 a buffer in two slots", transfer(&rng, pieces, 2), BYTES);
  check("VMEM-35 its first half is filled", read64(gpa_of(1) - 128) != 0, 1);
  check("VMEM-35 its second half is filled", read64(gpa_of(BUFFER_BLOCK + 1) - 128) != 0, 1);

  struct request* moved = (struct request*)(uintptr_t)gpa_of(BUFFER_BLOCK);
  struct response* answer = (struct response*)(uintptr_t)(gpa_of(BUFFER_BLOCK) + 64);
  *moved = (struct request){.type = STATE, .addr = region, .nb_blocks = 1};
  write32((uintptr_t)answer, ~0u);
  const struct buffer chain[] = {{(uintptr_t)moved, sizeof *moved, 0}, {(uintptr_t)answer, RESPONSE_BYTES, 1}};
  transfer(&mem, chain, 2);
  check("VMEM-35 virtio-mem's own request in plugged memory", read32((uintptr_t)answer) & 0xffff, ACK);
}

static void buffers_that_went(void) {
  check("UNPLUG of the buffers' block", ask_blocks(UNPLUG, BUFFER_BLOCK, 1), ACK);
  check("a buffer in unplugged memory is refused", draw(gpa_of(BUFFER_BLOCK)), 0);
  check("a buffer half in unplugged memory is refused", draw(gpa_of(BUFFER_BLOCK) - BYTES / 2), 0);
  check("the device goes on", draw(gpa_of(0) + 65536), BYTES);
  check("the device needs no reset", needs_reset(), 0);
  check("PLUG of it again", ask_blocks(PLUG, BUFFER_BLOCK, 1), ACK);
  check("VMEM-36 no device wrote to it meanwhile", read64(gpa_of(BUFFER_BLOCK)), 0);
  check("VMEM-35 a buffer there again", draw(gpa_of(BUFFER_BLOCK)), BYTES);
}

static void rings_that_went(void) {
  static struct rings in_ram __attribute__((aligned(4096)));
  check("UNPLUG of the rings' block", ask_blocks(UNPLUG, 0, 1), ACK);
  write32(rng.window + QUEUE_NOTIFY, 0);
  while (!needs_reset()) relax();
  check("a queue in unplugged memory stops the device", needs_reset(), 1);
  check("virtio-mem goes on", state_of(0, 1), UNPLUGGED);
  check("after a reset the device works", (uint64_t)start_rng(&in_ram), 1);
  check("VMEM-35 and fills a buffer in plugged memory", draw(gpa_of(BUFFER_BLOCK)), BYTES);
}

void part_devices(void) {
  rng.window = find_device(VIRTIO_RNG);
  check("virtio-rng is there", rng.window != 0, 1);
  check("PLUG of the rings' block", ask_blocks(PLUG, 0, 1), ACK);
  check("PLUG of the buffers' blocks", ask_blocks(PLUG, BUFFER_BLOCK, 1), ACK);
  check("a block that stays", ask_blocks(PLUG, BUFFER_BLOCK - 1, 1), ACK);
  everything_in_plugged_memory();
  buffers_that_went();
  rings_that_went();
}
