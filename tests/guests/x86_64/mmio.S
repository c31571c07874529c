/* MMIO: writes and reads of 1, 2, 4 and 8 bytes. */
#include "guest.inc"
.code64
  mov $MMIO, %ebx
  mov $0x1122334455667788, %rax
  mov %al, 0x00(%rbx)
  mov %ax, 0x10(%rbx)
  mov %eax, 0x20(%rbx)
  mov %rax, 0x30(%rbx)

  mov $RESULTS, %rdi
  xor %eax, %eax
  mov 0x40(%rbx), %al
  mov %rax, 0(%rdi)
  xor %eax, %eax
  mov 0x50(%rbx), %ax
  mov %rax, 8(%rdi)
  mov 0x60(%rbx), %eax
  mov %rax, 16(%rdi)
  mov 0x70(%rbx), %rax
  mov %rax, 24(%rdi)
  done
