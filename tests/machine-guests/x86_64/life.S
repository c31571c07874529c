/* A guest that ends, or does not, in one way; the word mode=X on the kernel command line says which. */

.set COM1,       0x3f8
.set COM1_LSR,   0x3fd
.set SLEEP_PORT, 0x600
.set RESET_PORT, 0x602
.set KEYBOARD,   0x64

.macro send character
  mov $COM1, %dx
  mov $\character, %al
  out %al, %dx
.endm

.section .text.start, "ax"
.globl _start
_start:
  lea stack_top(%rip), %rsp
  mov 0x228(%rsi), %esi          /* boot_params.cmd_line_ptr */
find:                            /* the letter behind "mode=" */
  mov (%rsi), %al
  test %al, %al
  jz lost
  cmpl $0x65646f6d, (%rsi)       /* "mode" */
  je found
  inc %rsi
  jmp find
found:
  mov 5(%rsi), %bl
  send 'm'                       /* a sign of life, in each mode: "mode X\n" */
  send 'o'
  send 'd'
  send 'e'
  send ' '
  mov $COM1, %dx
  mov %bl, %al
  out %al, %dx
  send '\n'
  cmp $'b', %bl
  je bios
  cmp $'e', %bl
  je echo
  cmp $'h', %bl
  je halt
  cmp $'k', %bl
  je keyboard
  cmp $'o', %bl
  je off
  cmp $'p', %bl
  je print
  cmp $'r', %bl
  je reset
  cmp $'s', %bl
  je spin
  cmp $'t', %bl
  je triple_fault
lost:
  send '?'
off:
  mov $SLEEP_PORT, %dx
  mov $0x34, %al
  out %al, %dx
  jmp spin                       /* nothing may run on from here */

print:                           /* 256 lines of 64 characters, then it ends */
  mov $256, %ecx
1: mov $63, %ebx
2: send '.'
  dec %ebx
  jnz 2b
  send '\n'
  dec %ecx
  jnz 1b
  jmp off

halt:                            /* interrupts are off: nothing wakes it */
  cli
  hlt
  jmp halt

spin:
  pause
  jmp spin

reset:
  mov $RESET_PORT, %dx
  mov $1, %al
  out %al, %dx
  jmp spin

keyboard:
  mov $0xfe, %al
  out %al, $KEYBOARD
  jmp spin

/* Back to real mode, step by step, and to where a PC's BIOS begins, as Linux does it with reboot=b. */
bios:
  lgdt gdt_pointer(%rip)
  lea bios_code(%rip), %rsi      /* the way down runs below 64 KiB */
  mov $0x8000, %edi
  mov $(bios_code_end - bios_code), %ecx
  rep movsb
  push $0x8
  push $0x8000
  lretq

.code32                          /* compatibility mode; linear addresses are physical ones */
bios_code:
  mov %cr0, %eax
  and $0x7fffffff, %eax          /* paging off: long mode ends */
  mov %eax, %cr0
  mov $0xc0000080, %ecx
  rdmsr
  and $~0x100, %eax              /* EFER.LME */
  wrmsr
  ljmp $0x10, $(0x8000 + bios_16 - bios_code)
.code16
bios_16:
  mov $0x18, %ax
  mov %ax, %ss
  mov %ax, %ds
  mov %cr0, %eax
  and $~1, %eax                  /* protected mode ends */
  mov %eax, %cr0
  ljmp $0xf000, $0xfff0
bios_code_end:
.code64

triple_fault:
  lidt no_idt(%rip)
  ud2
  jmp spin

/* Sends back what it receives, each letter with its case turned, up to a full stop. */
echo:
  mov $COM1_LSR, %dx
1: in %dx, %al
  pause
  test $1, %al
  jz 1b
  mov $COM1, %dx
  in %dx, %al
  mov %al, %cl
  cmp $'A', %al
  jb 2f
  xor $0x20, %al
2: out %al, %dx
  cmp $'.', %cl
  jne echo
  send '\n'
  jmp off

.balign 8
gdt:
  .quad 0
  .quad 0x00cf9b000000ffff       /* 0x08: 32-bit code */
  .quad 0x00009b000000ffff       /* 0x10: 16-bit code */
  .quad 0x000093000000ffff       /* 0x18: 16-bit data */
gdt_pointer:
  .word gdt_pointer - gdt - 1
  .quad gdt

no_idt:
  .word 0
  .quad 0

.bss
.balign 16
stack:
  .skip 4096
stack_top:

.section .note.GNU-stack, "", @progbits
