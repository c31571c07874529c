/* Ports: every width out and in, then string instructions. None of them is the in-kernel PIC's or PIT's. */
#include "guest.inc"
.code64
  mov $0x11, %al
  out %al, $0xe0
  mov $0x2233, %ax
  out %ax, $0xe2
  mov $0x44556677, %eax
  mov $0x1024, %dx
  out %eax, %dx

  mov $RESULTS, %rdi
  xor %eax, %eax
  in $0xe4, %al
  mov %rax, 0(%rdi)
  xor %eax, %eax
  in $0xe6, %ax
  mov %rax, 8(%rdi)
  mov $0x1034, %dx
  in %dx, %eax
  mov %rax, 16(%rdi)

  cld
  mov $text, %rsi
  mov $text_end - text, %ecx
  mov $0x540, %dx
  rep outsb
  mov $RESULTS + 24, %rdi
  mov $4, %ecx
  mov $0x542, %dx
  rep insb
  done

text: .ascii "many bytes at once"
text_end:
