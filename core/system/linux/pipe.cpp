#include "core/system/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace sporehost {

std::optional<Pipe> make_pipe(PipeMode mode) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | (mode == PipeMode::non_blocking ? O_NONBLOCK : 0)) != 0) return std::nullopt;
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

} // namespace sporehost
