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
  cmp $'e', %bl
  je echo
  cmp $'h', %bl
  je halt
  cmp $'k', %bl
  je keyboard
  cmp $'o', %bl
  je off
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

no_idt:
  .word 0
  .quad 0

.bss
.balign 16
stack:
  .skip 4096
stack_top:

.section .note.GNU-stack, "", @progbits
