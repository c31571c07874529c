/* What a guest program knows of the machine: ports, device windows, the command line, and how it says what it found. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* start.S */
_Noreturn void power_off(void);
void map_high_memory(void);

static inline void port_write8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t port_read8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

/* One access of exactly this width: devices and unplugged memory tell widths apart. */
static inline uint8_t read8(uint64_t address) {
  uint8_t value;
  __asm__ volatile("movb (%1), %0" : "=q"(value) : "r"(address) : "memory");
  return value;
}
static inline uint32_t read32(uint64_t address) {
  uint32_t value;
  __asm__ volatile("movl (%1), %0" : "=r"(value) : "r"(address) : "memory");
  return value;
}
static inline uint64_t read64(uint64_t address) {
  uint64_t value;
  __asm__ volatile("movq (%1), %0" : "=r"(value) : "r"(address) : "memory");
  return value;
}
static inline void write8(uint64_t address, uint8_t value) {
  __asm__ volatile("movb %0, (%1)" : : "q"(value), "r"(address) : "memory");
}
static inline void write32(uint64_t address, uint32_t value) {
  __asm__ volatile("movl %0, (%1)" : : "r"(value), "r"(address) : "memory");
}
static inline void write64(uint64_t address, uint64_t value) {
  __asm__ volatile("movq %0, (%1)" : : "r"(value), "r"(address) : "memory");
}

/* Lets the other side get on. Waiting has no end of its own here: the test's lifecycle.run-timeout is the end. */
static inline void relax(void) {
  __asm__ volatile("pause" : : : "memory");
}

/* report.c: COM1, one line a check. "ok NAME" or "FAIL NAME: got 0x.., expected 0x..". */
void say(const char* text);
void say_number(const char* name, uint64_t value);
void check(const char* name, uint64_t got, uint64_t expected);

/* Whether the kernel command line has this word. */
int command_line_has(const uint8_t* boot_params, const char* word);

/* The whole number behind `name` ("seed="), or 0. */
uint64_t command_line_number(const uint8_t* boot_params, const char* name);
