// What several commands do the same way.
#pragma once

#include <sporehost/result.hpp>

#include <string>

#include "core/app/options.hpp"
#include "core/base/exit_status.hpp"
#include "core/config/machine_config.hpp"
#include "core/plugin/registry.hpp"

namespace sporehost::app {

// The machine description with what the command line and the environment override.
spore::Result<MachineConfig> load_config(const Arguments& arguments);

// The plugins that --plugin-path and `plugins.path` reach. `config` may be nullptr. Commands that run nothing let no
// plugin into this process.
enum class PluginsFor { run, questions };
plugin::Registry make_registry(const Arguments& arguments, const MachineConfig* config,
                               PluginsFor purpose = PluginsFor::questions);

// Logs to standard error, or to `log.file`. --log wins over `log.level`. Errors: the file, the level's name.
spore::Result<void> set_up_logging(const Arguments& arguments, const MachineConfig* config);

// Prints "sporehost: TEXT" to standard error and gives the exit status for "nothing was run".
int complain(const spore::Error& error);

// The commands, each in its file.
int run_machine(const Arguments& arguments);
int check_config(const Arguments& arguments);
int show_plan(const Arguments& arguments);
int list_plugins(const Arguments& arguments);
int inspect_plugin(const Arguments& arguments);
int check_plugin(const Arguments& arguments);
int probe_backends(const Arguments& arguments);
int resolve_kernel(const Arguments& arguments);
int print_schema(const Arguments& arguments);

// Hidden: how the program starts itself to look at plugins (core/plugin/child.hpp).
int examine_plugin(const Arguments& arguments);
int rehearse_plugins(const Arguments& arguments);

} // namespace sporehost::app
