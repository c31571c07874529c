/* How a request and its response may lie in memory: split, short, longer than needed, with anything in the gaps. */
#include "memory_guest.h"

static const uint16_t no_answer = NO_ANSWER;

static void prepare(uint16_t type, uint64_t first, uint16_t count) {
  request = (struct request){.type = type, .addr = gpa_of(first), .nb_blocks = count};
  forget_response();
}

static uint64_t request_at(uint32_t offset) {
  return (uintptr_t)&request + offset;
}
static uint64_t response_at(uint32_t offset) {
  return (uintptr_t)&response + offset;
}
static uint16_t answer(void) {
  return *(volatile uint16_t*)&response.type;
}
static uint16_t answered_state(void) {
  return *(volatile uint16_t*)&response.state;
}

static void split(void) {
  /* Cut through the middle of fields. */
  const struct buffer pieces[] = {{request_at(0), 1, 0},   {request_at(1), 11, 0}, {request_at(12), 12, 0},
                                  {response_at(0), 1, 1}, {response_at(1), 8, 1}, {response_at(9), 1, 1}};
  prepare(PLUG, 0, 3);
  check("VMEM-28 split PLUG: bytes written", transfer(&mem, pieces, ARRAY_LENGTH(pieces)), RESPONSE_BYTES);
  check("VMEM-28 split PLUG", answer(), ACK);
  check("VMEM-28 split PLUG: plugged size", plugged_blocks(), 3);
  prepare(STATE, 2, 2);
  transfer(&mem, pieces, ARRAY_LENGTH(pieces));
  check("VMEM-28 split STATE", answer(), ACK);
  check("VMEM-28 split STATE: the state", answered_state(), MIXED);
}

static void too_short(void) {
  const struct buffer short_request[] = {{request_at(0), 23, 0}, {response_at(0), RESPONSE_BYTES, 1}};
  prepare(PLUG, 10, 1);
  transfer(&mem, short_request, 2);
  check("VMEM-29 request of 23 bytes", answer(), ERROR);

  const struct buffer no_request[] = {{response_at(0), RESPONSE_BYTES, 1}};
  prepare(PLUG, 10, 1);
  transfer(&mem, no_request, 1);
  check("VMEM-29 no request at all", answer(), ERROR);

  const struct buffer short_response[] = {{request_at(0), sizeof request, 0}, {response_at(0), 9, 1}};
  prepare(PLUG, 10, 1);
  check("VMEM-29 response of 9 bytes: bytes written", transfer(&mem, short_response, 2), 9);
  check("VMEM-29 response of 9 bytes", answer(), ERROR);
  check("VMEM-29 response of 9 bytes: the tenth is left alone", answered_state() >> 8, no_answer >> 8);

  const struct buffer one_byte[] = {{request_at(0), sizeof request, 0}, {response_at(0), 1, 1}};
  prepare(PLUG, 10, 1);
  check("VMEM-29 response of 1 byte: bytes written", transfer(&mem, one_byte, 2), 1);
  check("VMEM-29 response of 1 byte: the second is left alone", answer() >> 8, no_answer >> 8);

  const struct buffer no_response[] = {{request_at(0), sizeof request, 0}};
  prepare(PLUG, 10, 1);
  check("VMEM-29 no response at all: bytes written", transfer(&mem, no_response, 1), 0);
  check("VMEM-29 none of it plugs", plugged_blocks(), 3);
  check("VMEM-29 the queue goes on", state_of(10, 1), UNPLUGGED);
}

static void gaps(void) {
  static struct {
    struct request request;
    uint64_t more[8];
  } longer;
  prepare(STATE, 0, 3);
  for (unsigned i = 0; i < 3; ++i) request.padding1[i] = request.padding2[i] = 0xa5a5;
  longer.request = request;
  for (unsigned i = 0; i < ARRAY_LENGTH(longer.more); ++i) longer.more[i] = ~UINT64_C(0);
  const struct buffer chain[] = {{(uintptr_t)&longer, sizeof longer, 0}, {response_at(0), RESPONSE_BYTES, 1}};
  transfer(&mem, chain, 2);
  check("VMEM-27 garbage in padding and beyond", answer(), ACK);
  check("VMEM-27 garbage in padding and beyond: the state", answered_state(), PLUGGED);

  check("VMEM-27 UNPLUG_ALL ignores address and count", ask(UNPLUG_ALL, ~UINT64_C(0), 65535), ACK);
  check("VMEM-30 plugged size 0", plugged_blocks(), 0);
}

/* The device's other registers while requests go on. */
static void registers(void) {
  write32(mem.window + INTERRUPT_ACK, USED_BUFFER | CONFIG_CHANGED);
  check("InterruptStatus after its acknowledgement", read32(mem.window + INTERRUPT_STATUS), 0);
  check("PLUG of one block", ask_blocks(PLUG, 0, 1), ACK);
  check("VMEM-08 a PLUG interrupts for the used buffer alone", read32(mem.window + INTERRUPT_STATUS), USED_BUFFER);
  write32(mem.window + QUEUE_DESC, 0xfffff000);
  write32(mem.window + QUEUE_NUM, 1);
  write32(mem.window + QUEUE_READY, 1);
  check("queue registers are locked after DRIVER_OK", state_of(0, 1), PLUGGED);
}

void part_layouts(void) {
  registers();
  check("UNPLUG of one block", ask_blocks(UNPLUG, 0, 1), ACK);
  split();
  too_short();
  gaps();
}
