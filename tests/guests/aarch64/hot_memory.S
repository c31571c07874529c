/* Memory that comes while the guest runs, and goes again. */
#include "guest.inc"
  mov x1, #HOT
  mov x2, #RESULTS
  mark
  wait_flag 1                 /* mapped */
  ldr x0, [x1]
  str x0, [x2]
  mov x0, #0x600d
  str x0, [x1, #8]
  mark
  wait_flag 2                 /* unmapped */
  ldr x0, [x1]
  str x0, [x2, #8]
  done
