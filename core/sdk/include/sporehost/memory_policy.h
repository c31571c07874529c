/* sporehost plugin ABI, part 4: memory policies.
 *
 * A policy decides how much memory a guest boots with, how large the region is that virtio-mem may plug, and, while the
 * machine runs, how much of it is requested. It holds no resources of the machine: facts go in, a plan or an action
 * comes out, each with a reason in words that is logged and reported.
 */
#ifndef SPOREHOST_MEMORY_POLICY_H
#define SPOREHOST_MEMORY_POLICY_H

#include <sporehost/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a kernel or an initrd comes from. */
enum {
  SPORE_ORIGIN_MANAGED = 0,            /* the host vouches for it */
  SPORE_ORIGIN_CUSTOM_CONFIG = 1,      /* a path in the machine description */
  SPORE_ORIGIN_CUSTOM_OPTION = 2,      /* a path on the command line */
  SPORE_ORIGIN_CUSTOM_ENVIRONMENT = 3, /* a path in the environment */
  SPORE_ORIGIN_NONE = 4                /* there is none (an initrd only) */
};

enum { SPORE_MEMORY_AUTO = 0, SPORE_MEMORY_EXPLICIT = 1 };

/* What the user asked for. */
typedef struct spore_memory_request {
  uint32_t size;
  uint32_t mode;  /* SPORE_MEMORY_* */
  uint64_t bytes; /* with SPORE_MEMORY_EXPLICIT */
  SPORE_LATER_FIELDS
} spore_memory_request;
SPORE_SIZED(spore_memory_request, 16);

/* What is so. Nothing here is a wish. */
typedef struct spore_memory_facts {
  uint32_t size;
  uint32_t kernel_origin; /* SPORE_ORIGIN_* */
  uint32_t initrd_origin;
  uint32_t capture;          /* 1: the machine's state will be saved */
  uint32_t resume;           /* 1: it continues from saved state */
  /* 1: kernel and initrd are the host's own, and have been verified together for virtio-mem and automatic onlining. 0 for
   * a kernel or an initrd of one's own, whatever it can do. */
  uint32_t kernel_can_grow;
  uint32_t backend_can_grow; /* 1: the backend maps memory at run time (SPORE_CAN_GROW) */
  uint32_t device_present;   /* 1: the machine has a device whose factory uses sporehost.elastic-memory/1 */
  uint64_t host_total_bytes;
  uint64_t host_available_bytes;
  /* What the backend said of itself when it was probed; 0: it was not asked, or said nothing of it. */
  uint64_t page_bytes;         /* every size of a plan is a multiple of it */
  uint32_t memory_slots_max;   /* a region takes region_bytes / slot_bytes of them, RAM one or two */
  uint32_t guest_address_bits; /* RAM and region end below 2 to this power */
  SPORE_LATER_FIELDS
} spore_memory_facts;
SPORE_SIZED(spore_memory_facts, 64);

typedef struct spore_memory_plan {
  uint32_t size;
  uint32_t reserved;
  uint64_t boot_bytes;      /* RAM from the start; a multiple of the host's page, not 0 */
  uint64_t region_bytes;    /* the elastic region; 0: none */
  uint64_t requested_bytes; /* requested from the start */
  uint64_t block_bytes;     /* a power of two; 0: the host's default, 2 MiB */
  uint64_t slot_bytes;      /* a power of two, at least block_bytes; 0: the host's default, 128 MiB */
  spore_text reason;        /* one sentence */
  SPORE_LATER_FIELDS
} spore_memory_plan;
SPORE_SIZED(spore_memory_plan, 72);

/* A policy ignores an event that it does not know. */
enum {
  SPORE_EVENT_READY = 1,    /* PID 1 has answered, started its work and is idle for the first time */
  SPORE_EVENT_IDLE = 2,     /* the workload has ended and the guest waits */
  SPORE_EVENT_PRESSURE = 3, /* the guest reports memory pressure */
  SPORE_EVENT_PLUGGED = 4,  /* the plugged size changed */
  SPORE_EVENT_TICK = 5,     /* `tick_ms` of the last action has passed */
  SPORE_EVENT_OPERATOR = 6  /* a person or program asks for `operator_bytes` */
};

typedef struct spore_memory_event {
  uint32_t size;
  uint32_t type; /* SPORE_EVENT_* */
  uint64_t operator_bytes;
  uint32_t pressure_some_permille; /* share of time that some task stalled on memory, over 10 s */
  uint32_t pressure_full_permille; /* the same for all tasks at once */
  SPORE_LATER_FIELDS
} spore_memory_event;
SPORE_SIZED(spore_memory_event, 24);

typedef struct spore_memory_state {
  uint32_t size;
  uint32_t ready; /* 1 after SPORE_EVENT_READY */
  uint64_t boot_bytes;
  uint64_t region_bytes;
  uint64_t requested_bytes;
  uint64_t plugged_bytes;
  uint64_t guest_total_bytes;     /* MemTotal as the guest last said; 0: it has not */
  uint64_t guest_available_bytes; /* MemAvailable likewise */
  uint64_t host_available_bytes;
  SPORE_LATER_FIELDS
} spore_memory_state;
SPORE_SIZED(spore_memory_state, 64);

typedef struct spore_memory_action {
  uint32_t size;
  /* 1: request `requested_bytes`; 0: leave it. Twenty changes may come at once; after that the host makes one in 200 ms, of
   * the latest. The size that is requested already is no change. */
  uint32_t change;
  uint64_t requested_bytes; /* a multiple of the block size, at most region_bytes */
  /* 0: none, and a pending tick stays; else SPORE_EVENT_TICK comes once after that time, instead of a pending one. The host
   * takes less than 10 for 10, and more than a year for a year. */
  uint64_t tick_ms;
  spore_text reason; /* one sentence, where something changes */
  SPORE_LATER_FIELDS
} spore_memory_action;
SPORE_SIZED(spore_memory_action, 48);

typedef struct spore_memory_policy_ops {
  uint32_t size;
  uint32_t reserved;
  void (*destroy)(void* self); /* [main] */
  const void* (*query_interface)(void* self, spore_string name); /* [any] */
  /* Decides before the machine exists. [main] No side effect: `sporehost plan` calls it too. The host sets out->size
   * and zeroes the rest. A failure ends the start with the text in `error`. */
  spore_status (*plan)(void* self, const spore_memory_request* request, const spore_memory_facts* facts,
                       spore_memory_plan* out, spore_error* error);
  /* Decides while the machine runs. [main] The host sets out->size and zeroes the rest, so doing nothing is doing
   * nothing. Must not block. */
  void (*on_event)(void* self, const spore_memory_event* event, const spore_memory_state* state,
                   spore_memory_action* out);
  SPORE_LATER_FIELDS
} spore_memory_policy_ops;
SPORE_SIZED(spore_memory_policy_ops, 40);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SPOREHOST_MEMORY_POLICY_H */
