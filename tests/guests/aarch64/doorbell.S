/* Rings at MMIO + 0x50 with 7 and with 8, then at "port" 0x70 with 7. */
#include "guest.inc"
  ldr x1, =MMIO
  mov w0, #7
  str w0, [x1, #0x50]
  mov w0, #8
  str w0, [x1, #0x50]
  mov w0, #7
  strh w0, [x28, #0x70]
  done
