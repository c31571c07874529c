// sporehost: runs one Linux microVM, described by a YAML file.
#include <sporehost/abi.h>

#include <cstdio>
#include <exception>

#include "core/app/common.hpp"
#include "core/app/standard_output.hpp"
#include "core/base/exit_status.hpp"
#include "core/host/rehearsal.hpp"
#include "core/system/log_output.hpp"

#ifndef SPOREHOST_VERSION
#error "the build defines SPOREHOST_VERSION"
#endif

namespace {

using namespace sporehost::app;
using sporehost::kRehearseCommand;
namespace plugin = sporehost::plugin;

const std::vector<Command> commands = {
    {"",
     "--config FILE [options] [-- COMMAND...]",
     "Runs one Linux microVM; COMMAND replaces the workload of the machine description",
     {"config", "memory", "kernel", "initrd", "cpus", "backend", "capture", "resume", "console", "plugin-path", "json",
      "report-file", "log", "help", "version"},
     run_machine},
    {"check",
     "--config FILE",
     "Checks a machine description and its plugins' options, and starts nothing",
     {"config", "memory", "kernel", "initrd", "cpus", "backend", "capture", "resume", "plugin-path", "log", "help"},
     check_config},
    {"plan",
     "--config FILE",
     "Shows how much memory the policy would give, and why, and starts nothing",
     {"config", "memory", "kernel", "initrd", "cpus", "backend", "capture", "resume", "plugin-path", "json", "log",
      "help"},
     show_plan},
    {"plugin list",
     "",
     "Lists every plugin found, and why one is not used",
     {"plugin-path", "json", "log", "help"},
     list_plugins},
    {"plugin inspect",
     "ID|FILE",
     "Shows a plugin and the options it takes",
     {"plugin-path", "json", "log", "help"},
     inspect_plugin},
    {"plugin check",
     "ID|FILE...",
     "Checks plugins against the rules of docs/sdk.md: loads each in a child process, makes its objects and ends them",
     {"plugin-path", "log", "help"},
     check_plugin},
    {"backend probe",
     "",
     "Says which hypervisors are usable here, and how fast they are",
     {"plugin-path", "no-measure", "json", "log", "help"},
     probe_backends},
    {"kernel resolve",
     "",
     "Gets the managed kernel from its sources, checks it, and says where it is",
     {"arch", "source", "offline", "config", "json", "log", "help"},
     resolve_kernel},
    {"schema",
     "",
     "Prints the JSON Schema of machine descriptions, with the plugins that are here",
     {"plugin-path", "log", "help"},
     print_schema},
    {plugin::kExamineCommand, "FILE", "", {}, examine_plugin},
    {kRehearseCommand, "", "", {}, rehearse_plugins},
};

int run(const std::vector<std::string>& words) {
  const auto arguments = parse_arguments(words, commands);
  if (!arguments) {
    const int status = complain(arguments.error());
    std::fputs("sporehost: --help shows what there is\n", stderr);
    return status;
  }
  if (arguments->has("help")) {
    const bool whole = *arguments->command->name == '\0';
    const std::string text = !whole                    ? command_help(*arguments->command)
                             : arguments->rest.empty() ? general_help(commands)
                                                       : group_help(arguments->rest.front(), commands);
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  if (arguments->has("version")) {
    std::printf("sporehost %s (plugin interface %u.%u)\n", SPOREHOST_VERSION, SPORE_ABI_MAJOR, SPORE_ABI_MINOR);
    return 0;
  }
  return arguments->command->run(*arguments);
}

} // namespace

int main(int argc, char** argv) {
  try {
    secure_standard_descriptors();
    const int status = run(std::vector<std::string>(argv + 1, argv + argc));
    if (const auto log = sporehost::log_output()) log->finish(kLastWords);
    return close_standard_output(status);
  } catch (const std::exception& e) {
    // Libraries throw; what reaches this point is a defect or an empty machine, and worth a message all the same.
    std::fprintf(stderr, "sporehost: internal error: %s\n", e.what());
    return sporehost::kExitHost;
  }
}
