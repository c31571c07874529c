/* The boot processor starts the second one by PSCI CPU_ON; that one writes to memory with its MMU off, and halts. */
#include "guest.inc"
  ldr x0, =0xc4000003         /* CPU_ON: who, where, with what in x0 */
  mov x1, #1
  ldr x2, =second
  ldr x3, =0xc0ffee
  hvc #0
  ldr x2, =RESULTS
  str x0, [x2, #0x100]        /* 0: it works */
1: yield
  dc ivac, x2                 /* the other one writes past the caches */
  dsb sy
  ldr w0, [x2]
  ldr w1, =0xc0ffee
  cmp w0, w1
  b.ne 1b
  str w0, [x2]                /* and the host reads through them */
  done

.balign 8
second:
  ldr x2, =RESULTS
  str w0, [x2]
  dsb sy
  ldr x28, =0x90000000
  mark
2: wfi
  b 2b
