/* MMIO: writes and reads of 1, 2, 4 and 8 bytes. */
#include "guest.inc"
  ldr x1, =MMIO
  ldr x0, =0x1122334455667788
  strb w0, [x1, #0x00]
  strh w0, [x1, #0x10]
  str w0, [x1, #0x20]
  str x0, [x1, #0x30]

  ldr x2, =RESULTS
  ldrb w0, [x1, #0x40]
  str x0, [x2, #0]
  ldrh w0, [x1, #0x50]
  str x0, [x2, #8]
  ldr w0, [x1, #0x60]
  str x0, [x2, #16]
  ldr x0, [x1, #0x70]
  str x0, [x2, #24]
  done
