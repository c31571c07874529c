#include "core/session/workload_request.hpp"

#include "core/session/guest_channel.hpp"

namespace sporehost {
namespace {

size_t bytes_of(const std::vector<std::string>& words) {
  size_t bytes = 0;
  for (const std::string& word : words) bytes += word.size();
  return bytes;
}

} // namespace

guest::Run workload_request(const WorkloadConfig& workload) {
  guest::Run run;
  run.argv = workload.argv;
  for (const auto& [name, value] : workload.env) run.env.emplace_back(name).append("=").append(value);
  run.cwd = workload.cwd;
  return run;
}

spore::Result<void> check_workload(const MachineConfig& config) {
  if (config.workload.argv.empty()) return {};
  const guest::Run run = workload_request(config.workload);
  const auto checked = check_run(run);
  if (checked) return {};
  const bool by_variables = bytes_of(run.env) > bytes_of(run.argv) || run.env.size() > guest::kMaxEnvironment;
  const Position at = by_variables ? config.workload.env_at : config.workload.argv_at;
  if (at.line == 0) return checked.error().in("the command behind --");
  return checked.error().in(format_position(config.file, at));
}

} // namespace sporehost
