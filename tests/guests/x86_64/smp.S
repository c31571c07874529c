/* The boot processor starts the second one by INIT and SIPI; that one writes to memory in real mode and halts. */
#include "guest.inc"
.set LAPIC, 0xfee00000
.set AP_ENTRY, 0x9000
.code64
  mov $LAPIC, %ebx
  movl $0x1ff, 0xf0(%rbx)
  movl $1 << 24, 0x310(%rbx)              /* to APIC 1 */
  movl $0x4500, 0x300(%rbx)               /* INIT */
  movl $1 << 24, 0x310(%rbx)
  movl $0x4600 | AP_ENTRY >> 12, 0x300(%rbx) /* SIPI, twice as hardware wants it */
  movl $1 << 24, 0x310(%rbx)
  movl $0x4600 | AP_ENTRY >> 12, 0x300(%rbx)
1: pause
  cmpl $0xc0ffee, RESULTS
  jne 1b
  done

.org AP_ENTRY - ORIGIN
.code16
  mov $RESULTS >> 4, %ax
  mov %ax, %ds
  out %al, $MARK_PORT
  movl $0xc0ffee, 0
2: cli
  hlt
  jmp 2b
