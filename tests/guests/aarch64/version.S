/* PSCI_VERSION into x0. */
#include "guest.inc"
  ldr w0, =0x84000000
  hvc #0
  done
