#include "machine.h"

enum { COM1 = 0x3f8 };

/* The transmitter of this machine's UART is always empty. */
static void put(char c) {
  port_write8(COM1, (uint8_t)c);
}

static void put_text(const char* text) {
  while (*text != '\0') put(*text++);
}

static void put_hex(uint64_t value) {
  int shift = 60;
  while (shift > 0 && (value >> shift) == 0) shift -= 4;
  put_text("0x");
  for (; shift >= 0; shift -= 4) put("0123456789abcdef"[(value >> shift) & 15]);
}

void say(const char* text) {
  put_text(text);
  put('\n');
}

void say_number(const char* name, uint64_t value) {
  put_text(name);
  put('=');
  put_hex(value);
  put('\n');
}

void check(const char* name, uint64_t got, uint64_t expected) {
  if (got == expected) {
    put_text("ok ");
    return say(name);
  }
  put_text("FAIL ");
  put_text(name);
  put_text(": got ");
  put_hex(got);
  put_text(", expected ");
  put_hex(expected);
  put('\n');
}

int command_line_has(const uint8_t* boot_params, const char* word) {
  const char* at = (const char*)(uintptr_t)read32((uintptr_t)boot_params + 0x228); /* cmd_line_ptr */
  while (*at != '\0') {
    const char* w = word;
    while (*at != '\0' && *at == *w) ++at, ++w;
    if (*w == '\0' && (*at == '\0' || *at == ' ')) return 1;
    while (*at != '\0' && *at != ' ') ++at;
    while (*at == ' ') ++at;
  }
  return 0;
}

uint64_t command_line_number(const uint8_t* boot_params, const char* name) {
  const char* at = (const char*)(uintptr_t)read32((uintptr_t)boot_params + 0x228);
  while (*at != '\0') {
    const char* w = name;
    while (*at != '\0' && *at == *w) ++at, ++w;
    if (*w == '\0') {
      uint64_t number = 0;
      for (; *at >= '0' && *at <= '9'; ++at) number = number * 10 + (uint64_t)(*at - '0');
      return number;
    }
    while (*at != '\0' && *at != ' ') ++at;
    while (*at == ' ') ++at;
  }
  return 0;
}
