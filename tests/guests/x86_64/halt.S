/* Halts for ever. */
#include "guest.inc"
.code64
  out %al, $MARK_PORT
1: sti
  hlt
  incq RESULTS
  jmp 1b
