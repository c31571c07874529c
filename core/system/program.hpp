// Runs another program to its end and takes what it says. What asks us to end meanwhile ends it too.
//
// A program may run for minutes and start others. It is started as a shell would start it, with no signal blocked or
// ignored that we block or ignore. SIGINT, SIGTERM, SIGHUP and SIGQUIT, which we get, are passed on to it; what has not
// ended after the grace is killed. What it leaves running in the background is not waited for.
#pragma once

#include <sporehost/result.hpp>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace sporehost {

// How it belongs to us.
enum class Bond {
  // Somebody else's: in a process group of its own, so that a signal ends all that it started. It reads nothing, and
  // its errors are taken.
  script,
  // A part of this program: in our process group, so that it may write to our terminal; its errors go where ours go.
  // Its standard input is a pipe that ends when we do, however we end (end_with_parent).
  part
};

struct ProgramCall {
  std::filesystem::path program = {};
  std::vector<std::string> arguments = {};
  std::vector<std::string> environment = {}; // NAME=VALUE, before ours
  Bond bond = Bond::script;
  std::chrono::milliseconds stop_grace{5000};
  size_t most_output = 65536; // bytes; more is read and dropped
};

struct ProgramEnd {
  [[nodiscard]] bool succeeded() const { return status == 0 && signal == 0; }
  // "status 3" or "signal 9"
  [[nodiscard]] std::string how() const {
    return signal != 0 ? "signal " + std::to_string(signal) : "status " + std::to_string(status);
  }

  int status = 0;     // exit status
  int signal = 0;     // that ended it; 0: none, it ended by itself
  std::string output; // standard output, at most `most_output` bytes
  std::string errors; // standard error, its last 4 KiB, where it is taken
};

// A signal that stopped it is raised again once it has ended: where nobody handles it, this function does not return.
// [main], one at a time. Errors: SPORE_E_IO it cannot be started; SPORE_E_STATE it was stopped by a signal.
[[nodiscard]] spore::Result<ProgramEnd> run_program(const ProgramCall& call);

// For a program that was started as a Bond::part: from now on it gets a SIGTERM when its standard input ends, which is
// when its parent is gone, and is killed where it has not ended some seconds later. [main], once
void end_with_parent();

} // namespace sporehost
