/* The same world in 16-bit real mode: one port out, one in, a word of memory. */
#include "guest.inc"
.code16
  mov $0x5a, %al
  out %al, $0xe0
  in $0xe4, %al
  mov %al, %ah
  mov $RESULTS >> 4, %bx
  mov %bx, %ds
  mov %ax, 0
  out %al, $DONE_PORT
1: hlt
  jmp 1b
