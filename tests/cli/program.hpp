// Runs the built sporehost and keeps what it said.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace cli {

struct Output {
  int status = -1;
  std::string out;
  std::string err;

  // The lines of `err` that are messages, "sporehost: ..."; the log's lines are left out.
  [[nodiscard]] std::string message() const;
};

struct Call {
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment; // added to this process's; an empty value unsets
  bool unprivileged = false;                      // as a user without rights (only root can ask for that)
  std::string redirect = {};                      // in the words of the shell, such as ">/dev/full"
  std::string before = {};                        // likewise, such as "ulimit -f 1; "
  std::string input = {};                         // its standard input; at most what a pipe holds (64 KiB)
};

// Waits for the end. Throws std::runtime_error where the program cannot be started.
Output run(const Call& call);

// Why an unprivileged run is impossible here; empty: it is possible.
std::string why_not_unprivileged();

} // namespace cli
