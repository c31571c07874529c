/* Plugs until the hypervisor has no slot left: each block is a slot here. */
#include "memory_guest.h"

enum { MANY = 4096 };

void part_slots(void) {
  uint64_t plugged = 0;
  uint16_t answer;
  while ((answer = ask_blocks(PLUG, plugged, MANY)) == ACK) plugged += MANY;
  check("PLUG beyond the last slot", answer, BUSY);
  check("VMEM-23 none of it is plugged", state_of(plugged, MANY), UNPLUGGED);
  check("plugged size", plugged_blocks(), plugged);
  say_number("blocks", plugged);
  wait_for_requested(plugged * block);
  say("lowered");
  check("PLUG beyond what the host can", ask_blocks(PLUG, plugged, 1), NACK);
  check("UNPLUG makes room", ask_blocks(UNPLUG, 0, MANY), ACK);
  check("PLUG into it", ask_blocks(PLUG, 0, MANY), ACK);
}
