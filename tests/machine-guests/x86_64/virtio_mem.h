/* A virtio-mem driver: one request at a time (VIRTIO 1.2 section 5.15). */
#pragma once

#include "virtio.h"

enum { VIRTIO_MEM = 24, VIRTIO_RNG = 4 };
enum { PLUG = 0, UNPLUG = 1, UNPLUG_ALL = 2, STATE = 3 };
enum { ACK = 0, NACK = 1, BUSY = 2, ERROR = 3 };
enum { PLUGGED = 0, UNPLUGGED = 1, MIXED = 2 };

#define FEATURE_UNPLUGGED_INACCESSIBLE (UINT64_C(1) << 1)
#define MEM_FEATURES (FEATURE_VERSION_1 | FEATURE_UNPLUGGED_INACCESSIBLE)

enum { /* configuration */
  BLOCK_SIZE = 0, NODE_ID = 8, ADDR = 16, REGION_SIZE = 24, USABLE_REGION_SIZE = 32, PLUGGED_SIZE = 40,
  REQUESTED_SIZE = 48
};

struct request {
  uint16_t type, padding1[3];
  uint64_t addr;
  uint16_t nb_blocks, padding2[3];
};

struct response {
  uint16_t type, padding[3], state;
};
enum { RESPONSE_BYTES = 10 };
_Static_assert(sizeof(struct request) == 24 && sizeof(struct response) == RESPONSE_BYTES, "as the specification has them");

/* No device answers with this. */
enum { NO_ANSWER = 0xeeee };

extern struct device mem;
extern struct request request;   /* of the last `ask` */
extern struct response response; /* to it */
extern uint64_t block;           /* bytes */
extern uint64_t region;          /* GPA */

/* Finds the device and brings it to DRIVER_OK. */
int start_driver(void);

/* Empties the response, so that an answer is known to be one. */
void forget_response(void);

/* Sends a request; the response's type. */
uint16_t ask(uint16_t type, uint64_t addr, uint16_t nb_blocks);

/* The same for blocks counted from the region's start. */
uint16_t ask_blocks(uint16_t type, uint64_t first, uint16_t count);

/* The state of blocks, or NO_ANSWER. */
uint16_t state_of(uint64_t first, uint16_t count);

uint64_t plugged_blocks(void);
uint64_t gpa_of(uint64_t index);

/* Waits until the device requests this much, in bytes. */
void wait_for_requested(uint64_t bytes);
