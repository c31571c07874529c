/* A guest that asks its first virtio-mmio device two questions and says the answers on the serial port:
 * "queue=HHHH region=HHHH", the largest size of queue 0 and the size of the virtio-mem region in MiB. Then it powers off.
 * Entered by the 64-bit boot protocol: the first 4 GiB are mapped one to one, there need not be a stack. */
.set DEVICE,     0xd0000000
.set QUEUE_SEL,  0x30
.set QUEUE_MAX,  0x34
.set REGION,     0x100 + 24
.set COM1,       0x3f8
.set POWER,      0x600
.set POWER_OFF,  0x34

.code64
.globl _start
_start:
  mov $stack_top, %esp
  mov $DEVICE, %ebx
  mov $queue_text, %esi
  call say
  movl $0, QUEUE_SEL(%rbx)
  mov QUEUE_MAX(%rbx), %edi
  call say_number
  mov $region_text, %esi
  call say
  mov REGION(%rbx), %edi
  mov REGION + 4(%rbx), %eax
  shl $32, %rax
  or %rax, %rdi
  shr $20, %rdi
  call say_number
  mov $newline, %esi
  call say
  mov $POWER, %dx
  mov $POWER_OFF, %al
  out %al, %dx
1: hlt
  jmp 1b

/* The text at %rsi, up to its NUL. */
say:
  mov $COM1, %dx
1: lodsb
  test %al, %al
  jz 2f
  out %al, %dx
  jmp 1b
2: ret

/* The low 16 bits of %rdi as four hexadecimal digits. */
say_number:
  mov $COM1, %dx
  mov $4, %ecx
1: rolw $4, %di
  mov %edi, %eax
  and $15, %eax
  mov digits(%rax), %al
  out %al, %dx
  loop 1b
  ret

queue_text:  .asciz "queue="
region_text: .asciz " region="
newline:     .asciz "\r\n"
digits:      .ascii "0123456789abcdef"
.balign 16
.skip 256
stack_top:
