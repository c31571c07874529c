// What the headers of a shared object tell, before the dynamic linker is let near the file: a library for this
// instruction set, and long enough for every segment. The last point is more than politeness: the dynamic linker maps a
// file that is cut short without complaint and dies of SIGBUS when it touches the missing part.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sporehost {

struct ObjectFault {
  enum class Kind { not_an_object, truncated, wrong_architecture };
  Kind kind;
  std::string text; // "is ...", about the file
};

// Reads a few KiB of `fd`, a regular file of `bytes` bytes, and trusts none of them. Nothing: it may be loaded. [any]
[[nodiscard]] std::optional<ObjectFault> check_object_file(int fd, uint64_t bytes); // of this system's format

// For whoever looks at files of another system too, as the tests do.
[[nodiscard]] std::optional<ObjectFault> check_elf_object(int fd, uint64_t bytes);
[[nodiscard]] std::optional<ObjectFault> check_mach_object(int fd, uint64_t bytes);

} // namespace sporehost
