/* Halts for ever. */
#include "guest.inc"
  mark
  ldr x1, =RESULTS
1: wfi
  ldr x0, [x1]
  add x0, x0, #1
  str x0, [x1]
  b 1b
