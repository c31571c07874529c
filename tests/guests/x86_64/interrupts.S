/* Takes three interrupts of IOAPIC pin 5 (edge-triggered, vector 0x40) while it halts; counts them in RESULTS. */
#include "guest.inc"
.set IDT, 0x12000
.set VECTOR, 0x40
.set PIN, 5
.set LAPIC, 0xfee00000
.set IOAPIC, 0xfec00000
.code64
  mov $handler, %eax          /* an interrupt gate: offset 15:0, selector, attributes, offset 31:16 */
  mov $IDT + VECTOR * 16, %edi
  mov %ax, 0(%rdi)
  movw $0x08, 2(%rdi)
  movw $0x8e00, 4(%rdi)
  shr $16, %eax
  mov %ax, 6(%rdi)
  movq $0, 8(%rdi)
  lidt idt_pointer

  mov $0xff, %al              /* mask the PIC: every line goes there too */
  out %al, $0x21
  out %al, $0xa1

  mov $LAPIC, %ebx
  movl $0x1ff, 0xf0(%rbx)     /* spurious vector 0xff, APIC on */
  mov $IOAPIC, %ebx
  movl $0x11 + PIN * 2, 0(%rbx)
  movl $0, 0x10(%rbx)         /* to APIC 0 */
  movl $0x10 + PIN * 2, 0(%rbx)
  movl $VECTOR, 0x10(%rbx)    /* edge, active high, unmasked */

  out %al, $MARK_PORT
1: cli
  cmpl $3, RESULTS
  jae 2f
  sti                         /* takes effect after hlt has begun: no wake-up is lost */
  hlt
  jmp 1b
2: done

handler:
  incl RESULTS
  out %al, $MARK_PORT
  mov $LAPIC, %ebx
  movl $0, 0xb0(%rbx)         /* end of interrupt */
  iretq

.balign 8
idt_pointer:
  .word (VECTOR + 1) * 16 - 1
  .quad IDT
