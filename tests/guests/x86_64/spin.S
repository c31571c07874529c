/* Never leaves by itself. */
#include "guest.inc"
.code64
  out %al, $MARK_PORT
1: incq RESULTS
  jmp 1b
