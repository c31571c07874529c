#include "core/app/standard_output.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "core/base/exit_status.hpp"

namespace sporehost::app {

// Closed ones become /dev/null the wrong way round: reading is at the end, writing is the error that it would have
// been.
void secure_standard_descriptors() {
  ::signal(SIGXFSZ, SIG_IGN);
  // An answer goes out in one piece at the end, so that it is known why it could not. (Not touched, it costs nothing.)
  static std::array<char, 1 << 20> answer;
  if (::isatty(STDOUT_FILENO) == 0) std::setvbuf(stdout, answer.data(), _IOFBF, answer.size());
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) (void)::open("/dev/null", O_RDONLY); // takes the lowest number
}

void say(std::string_view text, Patience patience) {
  static bool heard = true;
  if (!heard) patience.standstill = std::chrono::milliseconds{0};
  heard = write_within(STDERR_FILENO, text, patience);
}

int close_standard_output(int status) {
  errno = 0;
  const bool failed_before = std::ferror(stdout) != 0;
  if (std::fflush(stdout) == 0 && !failed_before) return status;
  const std::string why = errno != 0 ? std::string(": ") + std::strerror(errno) : "";
  say("sporehost: standard output cannot be written" + why + "; not all of the answer arrived\n");
  return status == 0 ? kExitHost : status;
}

} // namespace sporehost::app
