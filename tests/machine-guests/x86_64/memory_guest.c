#include "memory_guest.h"

static const struct {
  const char* word;
  void (*run)(void);
} parts[] = {
    {"part=requests", part_requests}, {"part=layouts", part_layouts}, {"part=whole", part_whole},
    {"part=content", part_content},   {"part=devices", part_devices}, {"part=unplugged", part_unplugged},
    {"part=hostile", part_hostile},   {"part=slots", part_slots},     {"part=jump", part_jump},
};

void guest_main(const uint8_t* boot_params);

static void finish(void) {
  say("done");
}

void guest_main(const uint8_t* boot_params) {
  map_high_memory();
  if (command_line_has(boot_params, "part=rounds")) {
    check("driver starts", (uint64_t)start_driver(), 1);
    part_rounds(command_line_number(boot_params, "rounds="), command_line_number(boot_params, "seed="));
    return finish();
  }
  for (unsigned i = 0; i < ARRAY_LENGTH(parts); ++i) {
    if (!command_line_has(boot_params, parts[i].word)) continue;
    check("driver starts", (uint64_t)start_driver(), 1);
    parts[i].run();
    return finish();
  }
  say("FAIL no part= on the command line");
}
