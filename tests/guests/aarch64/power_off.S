/* PSCI SYSTEM_OFF. */
#include "guest.inc"
  ldr w0, =0x84000008
  hvc #0
  done
