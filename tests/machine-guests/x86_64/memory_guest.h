/* The parts of the memory guest; the command line says which one runs. */
#pragma once

#include "virtio_mem.h"

/* What policy-elastic requests at first, in blocks, and what is usable then (VMEM-11). */
enum { REQUESTED_BLOCKS = 128, USABLE_BLOCKS = 192, SLOT_BLOCKS = 64, REGION_BLOCKS = 7936 };

void part_requests(void); /* memory_requests.c: which request gets which answer */
void part_layouts(void);  /* memory_layouts.c: how requests may lie in memory */
void part_whole(void);    /* memory_whole.c: all 7936 blocks */
void part_content(void);  /* memory_content.c: what is in plugged memory */
void part_devices(void);  /* memory_devices.c: other devices and plugged memory */
void part_unplugged(void); /* memory_unplugged.c: the guest touches what it does not have */
void part_hostile(void); /* memory_hostile.c: it writes to what it does not have, and looks for it later */
void part_slots(void);   /* memory_slots.c: no slot of the hypervisor is left */
void part_jump(void);
void part_rounds(uint64_t rounds, uint64_t seed); /* memory_rounds.c: random requests against a model */
