// Runs one of the project's scripts and takes its standard output; its standard error goes where ours goes.
//
// A script may run for minutes and start programs of its own. It is started as others start it, with no signal blocked
// or ignored that we block or ignore, and in a process group of its own, so that SIGINT, SIGTERM and SIGHUP, which we
// get, end all of it: they are passed on, and what has not ended five seconds later is killed.
#pragma once

#include <sporehost/result.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace sporehost::kernel {

struct ScriptOutcome {
  int status = 0;     // exit status; 128 + signal where one ended it
  std::string output; // standard output, at most 64 KiB
  std::string errors; // standard error, its last 4 KiB, where it was asked for
};

// `quiet`: standard error is taken for the message instead of passed on. [main] A signal that stopped it is raised
// again once the script has ended: where nobody handles it, this function does not return. Errors: SPORE_E_NOT_FOUND no
// such script; SPORE_E_IO it cannot be started; SPORE_E_STATE it was stopped by a signal.
[[nodiscard]] spore::Result<ScriptOutcome> run_script(const std::filesystem::path& script,
                                                      const std::vector<std::string>& arguments,
                                                      const std::vector<std::string>& extra_environment, bool quiet);

// Where the project's scripts are: beside an installation, or in the source tree; empty where they are not. [any]
[[nodiscard]] std::filesystem::path scripts_folder();

} // namespace sporehost::kernel
