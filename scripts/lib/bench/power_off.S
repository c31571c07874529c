/* A kernel that powers the board off at once, for both machines.
 *
 * sporehost enters at 2 MiB in long mode (64-bit boot protocol) and switches off by port 0x600. QEMU's microvm enters by
 * the PVH note in 32-bit mode and ends by its isa-debug-exit device at port 0xf4. Both run the same few instructions; the
 * immediate moves read alike in both modes. */
.text
.code32
.globl _start
_start:
  mov $PORT, %dx
  mov $VALUE, %al
  out %al, %dx
1: hlt
  jmp 1b

/* XEN_ELFNOTE_PHYS32_ENTRY (18): Documentation/arch/x86/boot.rst calls it the PVH entry. */
.section .note.Xen, "a", @note
  .long 4, 4, 18
  .asciz "Xen"
  .long _start
