/* For measuring: writes to MMIO x1 times. */
#include "guest.inc"
1: strb w0, [x28, #0xe0]
  subs x1, x1, #1
  b.ne 1b
  done
