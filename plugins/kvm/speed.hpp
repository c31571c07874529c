// How many instructions a second a guest runs here.
#pragma once

#include <sporehost/result.hpp>

#include <cstdint>

#include "plugins/kvm/device.hpp"

namespace kvm {

struct Speed {
  uint64_t instructions_per_second;
  uint64_t exit_ns; // one exit to this process and back; 0: not measurable beside the rest
};

// Runs a spinning guest in a VM of its own, for a few ms on any hardware and some 20 ms under slow emulation. [any]
[[nodiscard]] spore::Result<Speed> measure_speed(const Device& device);

} // namespace kvm
