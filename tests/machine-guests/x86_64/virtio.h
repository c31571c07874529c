/* The least of a virtio-mmio driver (VIRTIO 1.2, version 2): one split queue, one chain in flight, completion by polling
 * the used ring. */
#pragma once

#include "machine.h"

enum { FIRST_WINDOW = 0xd0000000u, WINDOW_BYTES = 0x1000, WINDOWS = 32 };

enum { /* registers */
  MAGIC = 0x000, VERSION = 0x004, DEVICE_ID = 0x008, DEVICE_FEATURES = 0x010, DEVICE_FEATURES_SEL = 0x014,
  DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SEL = 0x024, QUEUE_SEL = 0x030, QUEUE_NUM_MAX = 0x034, QUEUE_NUM = 0x038,
  QUEUE_READY = 0x044, QUEUE_NOTIFY = 0x050, INTERRUPT_STATUS = 0x060, INTERRUPT_ACK = 0x064, STATUS = 0x070,
  QUEUE_DESC = 0x080, QUEUE_DRIVER = 0x090, QUEUE_DEVICE = 0x0a0, CONFIG_GENERATION = 0x0fc, CONFIG = 0x100
};

enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, NEEDS_RESET = 64 };
enum { USED_BUFFER = 1, CONFIG_CHANGED = 2 }; /* InterruptStatus */

#define FEATURE_VERSION_1 (UINT64_C(1) << 32)

enum { QUEUE_SIZE = 16 };

struct descriptor {
  uint64_t address;
  uint32_t length;
  uint16_t flags;
  uint16_t next;
};

/* All three parts of a queue; where it lies is the caller's choice, also in plugged memory. */
struct rings {
  struct descriptor descriptors[QUEUE_SIZE] __attribute__((aligned(16)));
  struct {
    uint16_t flags, index, ring[QUEUE_SIZE];
  } available;
  struct {
    uint16_t flags, index;
    struct {
      uint32_t id, length;
    } ring[QUEUE_SIZE];
  } used __attribute__((aligned(4)));
};

struct device {
  uint64_t window;
  volatile struct rings* rings;
};

struct buffer {
  uint64_t address;
  uint32_t length;
  int writable;
};

/* The window of the first device of this kind; 0 where there is none. */
uint64_t find_device(uint32_t id);

void reset_device(const struct device* device);

/* RESET, ACKNOWLEDGE, DRIVER, features, FEATURES_OK. Returns whether the device took the features. */
int negotiate(const struct device* device, uint64_t features);

/* Sets queue 0 up at `rings`, which this clears, and sets DRIVER_OK. Returns whether the device lives then. */
int go_live(struct device* device, struct rings* rings);

/* Puts one chain on the queue and rings. */
void submit(struct device* device, const struct buffer* buffers, unsigned count);

/* The same, and waits for its end. Returns what the device says it wrote. */
uint32_t transfer(struct device* device, const struct buffer* buffers, unsigned count);

/* A field of the configuration, read in two halves between two equal generations. */
uint64_t read_config64(const struct device* device, uint32_t offset);
