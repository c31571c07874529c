// 16-bit real mode, in which a guest of the PC's past starts.
#pragma once

#include "tests/guests/world.hpp"

namespace guests {

State real_mode_state(uint64_t rip);

} // namespace guests
