// Kernels made of a few bytes: sound ones that power off at once, and ones that are broken in one way.
#pragma once

#include <cstdint>
#include <string>

namespace cli {

// An ELF64 executable for `machine` whose one segment lies at 2 MiB. Its code switches the board off.
std::string tiny_elf_kernel(uint16_t machine);

// The first 1024 bytes of a bzImage whose protected-mode code is said to follow.
std::string bzimage_head();

} // namespace cli
