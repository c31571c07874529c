#include "core/system/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace sporehost::portable {

std::optional<Pipe> make_pipe(PipeMode mode) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return std::nullopt;
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  for (const int end : ends) {
    if (::fcntl(end, F_SETFD, FD_CLOEXEC) != 0) return std::nullopt;
    if (mode == PipeMode::non_blocking && ::fcntl(end, F_SETFL, O_NONBLOCK) != 0) return std::nullopt;
  }
  return pipe;
}

} // namespace sporehost::portable
