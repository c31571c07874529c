/* Reads a doubleword at HOT, writes one at HOT + 8, reads that back. */
#include "guest.inc"
  mov x1, #HOT
  mov x2, #RESULTS
  ldr x0, [x1]
  str x0, [x2]
  mov x0, #0xabcd
  str x0, [x1, #8]
  ldr x0, [x1, #8]
  str x0, [x2, #8]
  done
