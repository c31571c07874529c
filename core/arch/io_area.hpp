// What a board has for I/O devices: what it gives to those that leave the choice to it, and what nobody can have.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/arch/places.hpp"

namespace sporehost {

struct IoArea {
  struct TakenRange {
    IoWindowPlace place; // 0 bytes: nothing is taken
    std::string name;    // for messages: "the I/O APIC"
  };
  struct TakenInterrupt {
    uint32_t gsi = 0;
    std::string name;
  };

  uint64_t gpa_end = 0;    // GPAs from here on do not exist
  GpaRange mmio;           // where the board puts windows that may lie anywhere
  GpaRange ports;          // likewise; 0 bytes: the board has no ports
  uint32_t interrupts = 0; // GSIs are 0 .. interrupts - 1
  std::vector<uint32_t>
      gsis; // for devices that take any, in this order: what virtio devices never have, then their last
  std::vector<TakenRange> taken;
  std::vector<TakenInterrupt> taken_interrupts;
};

} // namespace sporehost
