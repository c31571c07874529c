// Starting the one process that the guest exists for.
#pragma once

#include <sys/types.h>

#include <string>

#include "core/base/unique_fd.hpp"
#include "guest/protocol/messages.hpp"

namespace sporehost::agent {

struct Spawned {
  pid_t pid = -1;      // also its session and process group; -1: it could not be started
  UniqueFd out;        // read end of its stdout, non-blocking
  UniqueFd err;        // read end of its stderr, non-blocking
  int error = 0;       // errno where pid is -1
  std::string problem; // and what failed
};

// Starts `run` in a session of its own with /dev/null as stdin and a pipe for each of stdout and stderr. Returns when
// the program was executed, or could not be. A PATH is added to an environment that has none.
[[nodiscard]] Spawned spawn(const guest::Run& run);

} // namespace sporehost::agent
