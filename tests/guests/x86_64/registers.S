/* Adds 1 to every general register but rsp. */
#include "guest.inc"
.code64
.irp r, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
  add $1, %\r
.endr
  done
