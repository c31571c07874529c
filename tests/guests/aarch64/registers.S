/* Adds 1 to x0 to x27, x29 and x30. */
#include "guest.inc"
.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,29,30
  add x\n, x\n, #1
.endr
  done
