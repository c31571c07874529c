/* Jumps to where no memory is. */
#include "guest.inc"
.code64
  mov $HOT, %eax
  jmp *%rax
