#include "virtio.h"

enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2 };

static uint32_t read_register(const struct device* device, uint32_t offset) {
  return read32(device->window + offset);
}

static void write_register(const struct device* device, uint32_t offset, uint32_t value) {
  write32(device->window + offset, value);
}

static void write_address(const struct device* device, uint32_t offset, volatile const void* address) {
  const uint64_t gpa = (uintptr_t)address;
  write_register(device, offset, (uint32_t)gpa);
  write_register(device, offset + 4, (uint32_t)(gpa >> 32));
}

uint64_t find_device(uint32_t id) {
  for (unsigned i = 0; i < WINDOWS; ++i) {
    const struct device found = {FIRST_WINDOW + i * WINDOW_BYTES, NULL};
    if (read_register(&found, MAGIC) != 0x74726976 || read_register(&found, VERSION) != 2) return 0;
    if (read_register(&found, DEVICE_ID) == id) return found.window;
  }
  return 0;
}

void reset_device(const struct device* device) {
  write_register(device, STATUS, 0);
  while (read_register(device, STATUS) != 0) relax();
}

int negotiate(const struct device* device, uint64_t features) {
  reset_device(device);
  write_register(device, STATUS, ACKNOWLEDGE);
  write_register(device, STATUS, ACKNOWLEDGE | DRIVER);
  for (uint32_t half = 0; half < 2; ++half) {
    write_register(device, DEVICE_FEATURES_SEL, half);
    const uint32_t wanted = (uint32_t)(features >> (32 * half));
    if ((read_register(device, DEVICE_FEATURES) & wanted) != wanted) return 0;
    write_register(device, DRIVER_FEATURES_SEL, half);
    write_register(device, DRIVER_FEATURES, wanted);
  }
  write_register(device, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
  return (read_register(device, STATUS) & FEATURES_OK) != 0;
}

int go_live(struct device* device, struct rings* rings) {
  for (uint64_t at = (uintptr_t)rings; at < (uintptr_t)(rings + 1); at += 4) write32(at, 0);
  device->rings = rings;
  write_register(device, QUEUE_SEL, 0);
  if (read_register(device, QUEUE_NUM_MAX) < QUEUE_SIZE) return 0;
  write_register(device, QUEUE_NUM, QUEUE_SIZE);
  write_address(device, QUEUE_DESC, rings->descriptors);
  write_address(device, QUEUE_DRIVER, &rings->available);
  write_address(device, QUEUE_DEVICE, &rings->used);
  write_register(device, QUEUE_READY, 1);
  write_register(device, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
  return read_register(device, QUEUE_READY) == 1 &&
         read_register(device, STATUS) == (ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
}

void submit(struct device* device, const struct buffer* buffers, unsigned count) {
  volatile struct rings* rings = device->rings;
  for (unsigned i = 0; i < count; ++i) {
    volatile struct descriptor* d = &rings->descriptors[i];
    d->address = buffers[i].address;
    d->length = buffers[i].length;
    d->flags = (uint16_t)((buffers[i].writable ? DESCRIPTOR_WRITE : 0) | (i + 1 < count ? DESCRIPTOR_NEXT : 0));
    d->next = (uint16_t)(i + 1);
  }
  const uint16_t index = rings->available.index;
  rings->available.ring[index % QUEUE_SIZE] = 0;
  /* volatile keeps the compiler's order, and an x86 CPU keeps the order of stores. */
  rings->available.index = (uint16_t)(index + 1);
  write_register(device, QUEUE_NOTIFY, 0);
}

uint32_t transfer(struct device* device, const struct buffer* buffers, unsigned count) {
  volatile struct rings* rings = device->rings;
  const uint16_t before = rings->used.index;
  submit(device, buffers, count);
  while (rings->used.index == before) relax();
  return rings->used.ring[before % QUEUE_SIZE].length;
}

uint64_t read_config64(const struct device* device, uint32_t offset) {
  for (;;) {
    const uint32_t generation = read_register(device, CONFIG_GENERATION);
    const uint64_t low = read_register(device, CONFIG + offset);
    const uint64_t high = read_register(device, CONFIG + offset + 4);
    if (read_register(device, CONFIG_GENERATION) == generation) return high << 32 | low;
  }
}
