/* For measuring: writes to a port rcx times. */
#include "guest.inc"
.code64
1: out %al, $0xe0
  loop 1b
  done
