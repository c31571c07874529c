/* Takes three interrupts of SPI 5 (edge-triggered) while it halts; counts them in RESULTS. */
#include "guest.inc"
.set GICD, 0x08000000
.set GICR, 0x080a0000
.set INTERRUPT, 32 + 5
  ldr x0, =vectors
  msr vbar_el1, x0

  ldr x1, =GICD
  mov w0, #0x12               /* affinity routing, group 1 on */
  str w0, [x1]
  mov w0, #1 << (INTERRUPT % 32)
  str w0, [x1, #0x84]         /* IGROUPR1: group 1 */
  mov w0, #2 << (INTERRUPT % 16 * 2)
  str w0, [x1, #0xc08]        /* ICFGR2: edge */
  ldr x3, =GICD + 0x6000 + INTERRUPT * 8
  str xzr, [x3]               /* IROUTER: to processor 0 */
  mov w0, #1 << (INTERRUPT % 32)
  str w0, [x1, #0x104]        /* ISENABLER1 */

  ldr x1, =GICR
  ldr w0, [x1, #0x14]         /* WAKER: not asleep */
  bic w0, w0, #2
  str w0, [x1, #0x14]

  mov x0, #0xf0
  msr s3_0_c4_c6_0, x0        /* ICC_PMR_EL1: every priority */
  mov x0, #1
  msr s3_0_c12_c12_7, x0      /* ICC_IGRPEN1_EL1 */
  isb

  ldr x2, =RESULTS
  mark
1: ldr w0, [x2]
  cmp w0, #3
  b.hs 2f
  wfi                         /* wakes for an interrupt that is masked, too: none is lost */
  msr daifclr, #2
  isb
  msr daifset, #2
  b 1b
2: done

handler:
  mrs x5, s3_0_c12_c12_0      /* ICC_IAR1_EL1 */
  cmp x5, #INTERRUPT
  b.ne 3f
  ldr w6, [x2]
  add w6, w6, #1
  str w6, [x2]
  mark
3: msr s3_0_c12_c12_1, x5     /* ICC_EOIR1_EL1 */
  eret

.balign 2048
vectors:
  .org vectors + 0x280        /* IRQ at the current level, with its own stack pointer */
  b handler
