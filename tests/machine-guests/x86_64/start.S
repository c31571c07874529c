/* Entry of the guest programs in C. The 64-bit boot protocol hands over long mode, the first 4 GiB mapped one to one and
 * boot_params in rsi; there is no IDT, so that any exception is a triple fault, which the test sees as a reset. */

.set GIB_ENTRIES, 512        /* of 2 MiB in a page directory */
.set HIGH_GIBS,   16         /* 4 to 20 GiB: the elastic region lies from 4 GiB to 19.5 GiB */
.set LARGE_PAGE,  0x83       /* present, writable, 2 MiB */

.section .text.start, "ax"
.globl _start
_start:
  lea stack_top(%rip), %rsp
  xor %ebp, %ebp
  cld
  mov %rsi, %rdi
  call guest_main
/* Presses the power switch: S5 into the sleep control register. */
.globl power_off
power_off:
  mov $0x600, %dx
  mov $0x34, %al
  out %al, %dx
1: cli
  hlt
  jmp 1b

/* Adds page tables for memory above 4 GiB to those that the machine was entered with. Nothing has been touched there
 * yet, and what is not plugged stays unmapped by the host, not by us. */
.text
.globl map_high_memory
map_high_memory:
  lea directories(%rip), %rdi
  movabs $0x100000000 + LARGE_PAGE, %rax
  mov $HIGH_GIBS * GIB_ENTRIES, %ecx
1: mov %rax, (%rdi)
  add $0x200000, %rax
  add $8, %rdi
  dec %ecx
  jnz 1b

  mov %cr3, %rdx               /* PML4 */
  movabs $0x000ffffffffff000, %rsi
  and %rsi, %rdx
  mov (%rdx), %rdx             /* its first entry: the PDPT of the first 512 GiB */
  and %rsi, %rdx
  lea directories(%rip), %rax
  or $3, %rax
  mov $HIGH_GIBS, %ecx
2: mov %rax, 4*8(%rdx)
  add $4096, %rax
  add $8, %rdx
  dec %ecx
  jnz 2b
  mov %cr3, %rax
  mov %rax, %cr3
  ret

.bss
.balign 4096
directories:
  .skip HIGH_GIBS * 4096
stack:
  .skip 16384
stack_top:

.section .note.GNU-stack, "", @progbits
