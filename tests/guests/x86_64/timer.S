/* The PC's timer. Channel 0 at 100 Hz interrupts on IOAPIC pin 0 (vector 0x40): three ticks are counted in RESULTS. Then
 * channel 2, gated and read through port 0x61, counts down 10 ms, as Linux does to find out the TSC's frequency: the
 * number of polls goes to RESULTS + 4. */
#include "guest.inc"
.set IDT, 0x12000
.set VECTOR, 0x40
.set LAPIC, 0xfee00000
.set IOAPIC, 0xfec00000
.set TICKS, 11932             /* of 1193182 Hz: 10 ms */
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
  movl $0x11, 0(%rbx)
  movl $0, 0x10(%rbx)         /* pin 0 to APIC 0 */
  movl $0x10, 0(%rbx)
  movl $VECTOR, 0x10(%rbx)    /* edge, active high, unmasked */

  mov $0x34, %al              /* channel 0, low and high byte, mode 2 */
  out %al, $0x43
  mov $TICKS & 0xff, %al
  out %al, $0x40
  mov $TICKS >> 8, %al
  out %al, $0x40
1: cli
  cmpl $3, RESULTS
  jae 2f
  sti                         /* takes effect after hlt has begun: no wake-up is lost */
  hlt
  jmp 1b
2:
  mov $IOAPIC, %ebx
  movl $0x10, 0(%rbx)
  movl $0x10000, 0x10(%rbx)   /* masked again */

  in $0x61, %al
  and $0xfd, %al              /* no speaker */
  or $1, %al                  /* the gate of channel 2 */
  out %al, $0x61
  mov $0xb0, %al              /* channel 2, low and high byte, mode 0 */
  out %al, $0x43
  mov $TICKS & 0xff, %al
  out %al, $0x42
  mov $TICKS >> 8, %al
  out %al, $0x42
3: incl RESULTS + 4
  in $0x61, %al
  test $0x20, %al             /* its output rises at the end */
  jz 3b
  done

handler:
  incl RESULTS
  mov $LAPIC, %ebx
  movl $0, 0xb0(%rbx)         /* end of interrupt */
  iretq

.balign 8
idt_pointer:
  .word (VECTOR + 1) * 16 - 1
  .quad IDT
