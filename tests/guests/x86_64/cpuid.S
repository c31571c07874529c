/* CPUID with the eax and ecx that the test has set. */
#include "guest.inc"
.code64
  cpuid
  done
