#include "core/app/common.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "core/base/exit_status.hpp"
#include "core/base/text.hpp"
#include "core/session/workload_request.hpp"
#include "core/system/log_output.hpp"

namespace sporehost::app {

using spore::fail;
using spore::Result;

Result<MachineConfig> load_config(const Arguments& arguments) {
  const auto file = arguments.value("config");
  if (!file)
    return fail(SPORE_E_INVALID, "no machine description: give --config FILE (config/machine.yaml is an example)");
  SPORE_TRY(MachineConfig config, load_machine_config(*file));
  Overrides overrides;
  overrides.memory = arguments.value("memory");
  overrides.kernel = arguments.value("kernel");
  overrides.initrd = arguments.value("initrd");
  overrides.capture = arguments.value("capture");
  overrides.resume = arguments.value("resume");
  overrides.backend = arguments.value("backend");
  overrides.cpus = arguments.value("cpus");
  overrides.argv = arguments.workload;
  overrides.json = arguments.has("json");
  SPORE_TRY(config, apply_overrides(std::move(config), overrides, read_environment()));
  SPORE_CHECK(check_workload(config));
  return config;
}

plugin::Registry make_registry(const Arguments& arguments, const MachineConfig* config, PluginsFor purpose) {
  std::vector<std::string> configured;
  if (config != nullptr)
    for (const auto& folder : config->plugin_path) configured.push_back(folder.string());
  return plugin::Registry(plugin::SearchPath::of_process(arguments.values("plugin-path"), configured),
                          plugin::trace_from_environment(), {},
                          {plugin::examine_in_child, purpose == PluginsFor::questions});
}

namespace {

Result<void> log_to_file(const std::filesystem::path& path) {
  std::error_code ignored; // the file says what is wrong
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), ignored);
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644));
  if (!file) {
    const std::string why =
        errno == ENXIO ? "it is a pipe that nobody reads; start the reader first" : std::string(std::strerror(errno));
    return fail(SPORE_E_IO, "log.file: " + quote(path.string()) + " cannot be written: " + why);
  }
  log_to(std::make_shared<LogOutput>(std::move(file), "log.file " + quote(path.string())));
  return {};
}

} // namespace

Result<void> set_up_logging(const Arguments& arguments, const MachineConfig* config) {
  const std::string level =
      arguments.value("log").value_or(config != nullptr ? std::string(to_string(config->log.level)) : "warn");
  const std::vector<std::string> levels = {"trace", "debug", "info", "warn", "error", "off"};
  if (std::find(levels.begin(), levels.end(), level) == levels.end())
    return fail(SPORE_E_INVALID, "--log: unknown level " + quote(level) + did_you_mean(level, levels) +
                                     "; it is one of " + join_or(levels));
  if (config != nullptr && config->log.file) {
    SPORE_CHECK(log_to_file(*config->log.file));
  } else {
    log_to(std::make_shared<LogOutput>(STDERR_FILENO));
  }
  spdlog::set_pattern("sporehost[%t] %H:%M:%S.%e %^%l%$ %v");
  spdlog::set_level(spdlog::level::from_str(level == "error" ? "err" : level));
  return {};
}

int complain(const spore::Error& error) {
  // Paths, ids and texts of others are in it; only its own lines' ends are its own.
  std::string text;
  for (std::string_view left = error.text; !left.empty();) {
    const size_t end = std::min(left.find('\n'), left.size());
    text += printable(left.substr(0, end)) + (end < left.size() ? "\n" : "");
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  std::fprintf(stderr, "sporehost: %s\n", text.c_str());
  return kExitHost;
}

} // namespace sporehost::app
