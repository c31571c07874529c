/* Reads a qword at HOT, writes one at HOT + 8, reads that back. */
#include "guest.inc"
.code64
  mov HOT, %rax
  mov %rax, RESULTS
  mov $0xabcd, %eax
  mov %rax, HOT + 8
  mov HOT + 8, %rax
  mov %rax, RESULTS + 8
  done
