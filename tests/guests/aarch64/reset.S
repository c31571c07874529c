/* PSCI SYSTEM_RESET. */
#include "guest.inc"
  ldr w0, =0x84000009
  hvc #0
  done
