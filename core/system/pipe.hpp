// A pipe whose ends close themselves and are not inherited by programs that are started.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/unique_fd.hpp"

namespace sporehost {

struct Pipe {
  UniqueFd read, write;
};

enum class PipeMode { blocking, non_blocking };

// Nothing: the system gives no descriptors, and errno says why. [any]
[[nodiscard]] std::optional<Pipe> make_pipe(PipeMode mode = PipeMode::blocking);

namespace portable {
// A program that another thread starts at the same moment may inherit the ends.
[[nodiscard]] std::optional<Pipe> make_pipe(PipeMode mode = PipeMode::blocking);
} // namespace portable

} // namespace sporehost
