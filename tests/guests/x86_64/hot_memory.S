/* Memory that comes while the guest runs, and goes again. */
#include "guest.inc"
.code64
  out %al, $MARK_PORT
  wait_flag 1                 /* mapped */
  mov HOT, %rax
  mov %rax, RESULTS
  movq $0x600d, HOT + 8
  out %al, $MARK_PORT
  wait_flag 2                 /* unmapped */
  mov HOT, %rax
  mov %rax, RESULTS + 8
  done
