/* An exception without an interrupt table. */
#include "guest.inc"
.code64
  lidt nothing
  ud2
.balign 8
nothing:
  .word 0
  .quad 0
