/* Finds a device of which it knows the name only, in the ACPI tables, and handles its level-triggered interrupt: as
 * long as the line is high, the end of one interrupt is the begin of the next. */
#include "machine.h"

enum {
  TABLES = 0xe0000,
  TABLES_END = 0xf0000,
  LOCAL_APIC = 0xfee00000u,
  LOCAL_APIC_EOI = LOCAL_APIC + 0xb0,
  LOCAL_APIC_SPURIOUS = LOCAL_APIC + 0xf0,
  IO_APIC_INDEX = 0xfec00000u,
  IO_APIC_DATA = IO_APIC_INDEX + 0x10,
  IO_APIC_LEVEL = 1 << 15,
  PIC_MASK = 0x21,
  SECOND_PIC_MASK = 0xa1,
  VECTOR = 0x40,
  ID = 0x454e494c,
  LINE_REGISTER = 4,
  ROUNDS = 3
};

/* What its _CRS says (ACPI 6.4). */
struct resources {
  uint32_t base, bytes, gsi;
  uint16_t port;
  uint8_t flags; /* of the interrupt: bit 1 edge, bit 2 active low */
};

static struct resources device;
static volatile uint32_t interrupts;

struct interrupt_frame;

__attribute__((interrupt)) static void on_interrupt(struct interrupt_frame* frame) {
  (void)frame;
  if (++interrupts == ROUNDS) write32(device.base + LINE_REGISTER, 0);
  write32(LOCAL_APIC_EOI, 0);
}

static uint64_t find_device(const char* hid) {
  for (uint64_t at = TABLES; at < TABLES_END - 64; ++at) {
    int i = 0;
    while (hid[i] != '\0' && read8(at + i) == (uint8_t)hid[i]) ++i;
    if (hid[i] == '\0') return at;
  }
  return 0;
}

/* The descriptors behind the name: Memory32Fixed, IO, Interrupt, in this order. */
static void read_resources(uint64_t at) {
  while (read8(at) != 0x86) ++at;
  device.base = read32(at + 4);
  device.bytes = read32(at + 8);
  at += 12;
  if (read8(at) == 0x47) device.port = (uint16_t)(read8(at + 2) | read8(at + 3) << 8);
  at += 8;
  if (read8(at) == 0x89) {
    device.flags = read8(at + 3);
    device.gsi = read32(at + 5);
  }
}

static void set_gate(void) {
  static uint64_t table[2 * 256];
  struct __attribute__((packed)) {
    uint16_t limit;
    uint64_t base;
  } pointer = {sizeof table - 1, (uint64_t)table};
  const uint64_t handler = (uint64_t)&on_interrupt;
  uint16_t segment;
  __asm__("mov %%cs, %0" : "=r"(segment));
  table[2 * VECTOR] = (handler & 0xffff) | (uint64_t)segment << 16 | 0x8eull << 40 | (handler >> 16 & 0xffff) << 48;
  table[2 * VECTOR + 1] = handler >> 32;
  __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

/* To the IOAPIC alone: the first sixteen lines lead to the 8259s, too, which would have vectors of their own. */
static void route(uint32_t gsi) {
  port_write8(PIC_MASK, 0xff);
  port_write8(SECOND_PIC_MASK, 0xff);
  write32(LOCAL_APIC_SPURIOUS, 0x1ff);
  write32(IO_APIC_INDEX, 0x11 + 2 * gsi); /* to the processor with id 0 */
  write32(IO_APIC_DATA, 0);
  write32(IO_APIC_INDEX, 0x10 + 2 * gsi);
  write32(IO_APIC_DATA, VECTOR | IO_APIC_LEVEL);
}

static void wait_a_little(void) {
  for (int i = 0; i < 1000; ++i) relax();
}

_Noreturn void guest_main(const uint8_t* boot_params) {
  (void)boot_params;
  const uint64_t at = find_device("SPRH0001");
  check("described", at != 0, 1);
  if (at == 0) power_off();
  read_resources(at);
  say_number("base", device.base);
  say_number("port", device.port);
  say_number("gsi", device.gsi);
  check("bytes", device.bytes, 0x100);
  check("level, active high, consumer", device.flags, 1);
  check("registers", read32(device.base), ID);
  check("ports", port_read8(device.port), ID & 0xff);

  set_gate();
  route(device.gsi);
  write32(device.base + LINE_REGISTER, 1);
  __asm__ volatile("sti" : : : "memory");
  while (interrupts < ROUNDS) relax();
  wait_a_little();
  const uint32_t settled = interrupts;
  wait_a_little();
  __asm__ volatile("cli" : : : "memory");
  /* One that the controllers had taken on before the line fell may still come; an edge would have made one in all. */
  check("again while it is high", settled == ROUNDS || settled == ROUNDS + 1, 1);
  check("none once it is low", interrupts, settled);
  power_off();
}
