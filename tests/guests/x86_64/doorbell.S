/* Rings at MMIO + 0x50 with 7 and with 8, then at port 0x70 with 7. */
#include "guest.inc"
.code64
  mov $MMIO, %ebx
  movl $7, 0x50(%rbx)
  movl $8, 0x50(%rbx)
  mov $7, %ax
  out %ax, $0x70
  done
