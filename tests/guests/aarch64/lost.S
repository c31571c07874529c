/* Jumps to where no memory is, and says what exception that made. */
#include "guest.inc"
  ldr x0, =vectors
  msr vbar_el1, x0
  isb
  mov x0, #HOT
  br x0

.balign 2048
vectors:
  .org vectors + 0x200        /* synchronous, at the current level */
  mov x2, #RESULTS
  mrs x0, esr_el1
  str x0, [x2]
  mrs x0, elr_el1
  str x0, [x2, #8]
  done
