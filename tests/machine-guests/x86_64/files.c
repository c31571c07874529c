/* Reads its own image and its initrd after somebody has had the time to change the files that they came from. Neither
 * has been touched before, so that a page which follows a file would show what is in it now. */
#include "machine.h"

enum { COM1_DATA = 0x3f8, COM1_LSR = 0x3fd, DATA_READY = 1 };
enum { RAMDISK_IMAGE = 0x218, RAMDISK_SIZE = 0x21c }; /* boot_params */
enum { IMAGE_BYTE = 'K', INITRD_BYTE = 'I', PAGE = 4096 };

static const uint8_t image[16 * PAGE] __attribute__((aligned(PAGE))) = {[0 ... 16 * PAGE - 1] = IMAGE_BYTE};

static uint64_t bytes_other_than(uint64_t from, uint64_t bytes, uint8_t expected) {
  uint64_t others = 0;
  for (uint64_t i = 0; i < bytes; ++i) others += read8(from + i) != expected;
  return others;
}

void guest_main(const uint8_t* boot_params);

void guest_main(const uint8_t* boot_params) {
  const uint64_t initrd = read32((uintptr_t)boot_params + RAMDISK_IMAGE);
  const uint64_t bytes = read32((uintptr_t)boot_params + RAMDISK_SIZE);
  say("ready");
  while ((port_read8(COM1_LSR) & DATA_READY) == 0) relax();
  (void)port_read8(COM1_DATA);
  check("the initrd has its length", bytes, 16 * PAGE + 100);
  check("bytes of the initrd that have changed", bytes_other_than(initrd, bytes, INITRD_BYTE), 0);
  check("bytes of the image that have changed", bytes_other_than((uintptr_t)image, sizeof image, IMAGE_BYTE), 0);
  say("done");
}
