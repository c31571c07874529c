#include "virtio_mem.h"

struct device mem;
struct request request;
struct response response;
uint64_t block;
uint64_t region;

static struct rings mem_rings __attribute__((aligned(4096)));

int start_driver(void) {
  mem.window = find_device(VIRTIO_MEM);
  if (mem.window == 0 || !negotiate(&mem, MEM_FEATURES) || !go_live(&mem, &mem_rings)) return 0;
  block = read_config64(&mem, BLOCK_SIZE);
  region = read_config64(&mem, ADDR);
  return 1;
}

void forget_response(void) {
  uint8_t* at = (uint8_t*)&response;
  for (unsigned i = 0; i < sizeof response; ++i) at[i] = NO_ANSWER & 0xff;
}

uint16_t ask(uint16_t type, uint64_t addr, uint16_t nb_blocks) {
  request = (struct request){.type = type, .addr = addr, .nb_blocks = nb_blocks};
  forget_response();
  const struct buffer chain[] = {{(uintptr_t)&request, sizeof request, 0}, {(uintptr_t)&response, RESPONSE_BYTES, 1}};
  transfer(&mem, chain, 2);
  return *(volatile uint16_t*)&response.type;
}

uint16_t ask_blocks(uint16_t type, uint64_t first, uint16_t count) {
  return ask(type, gpa_of(first), count);
}

uint16_t state_of(uint64_t first, uint16_t count) {
  return ask_blocks(STATE, first, count) == ACK ? *(volatile uint16_t*)&response.state : (uint16_t)NO_ANSWER;
}

uint64_t plugged_blocks(void) {
  return read_config64(&mem, PLUGGED_SIZE) / block;
}

uint64_t gpa_of(uint64_t index) {
  return region + index * block;
}

void wait_for_requested(uint64_t bytes) {
  while (read_config64(&mem, REQUESTED_SIZE) != bytes) relax();
}
