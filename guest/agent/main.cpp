// The guest's PID 1. As any other process it serves a conversation on an inherited descriptor, for tests:
//   sporehost-agent --serve-fd N
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/base/whole_number.hpp"
#include "guest/agent/agent.hpp"
#include "guest/agent/boot.hpp"
#include "guest/agent/channel.hpp"
#include "guest/agent/module_list.hpp"
#include "guest/agent/uevents.hpp"

namespace sporehost::agent {
namespace {

constexpr char kModuleListPath[] = "/etc/sporehost/modules";

// Loads in order; what fails is told to `report`. Returns how many were loaded.
template <typename Report>
std::uint32_t load_modules(const std::vector<ModuleEntry>& entries, Report&& report) {
  if (entries.empty()) return 0;
  utsname name{};
  uname(&name);
  const std::string root = std::string("/lib/modules/") + name.release;
  std::uint32_t loaded = 0;
  for (const ModuleEntry& entry : entries) {
    std::string problem;
    const LoadResult result = load_module(root, entry, problem);
    if (result == LoadResult::kLoaded) ++loaded;
    if (result == LoadResult::kFailed) report(problem);
  }
  return loaded;
}

// What does not have to be there before PID 1 has answered.
void finish_boot(Agent& agent, const ModuleList& modules) {
  mount_rest();
  if (enable_auto_online()) {
    agent.log(guest::LogLevel::kInfo, "memory blocks were not set to come online by themselves; wrote 'online'");
  }
  auto report = [&agent](const std::string& problem) { agent.log(guest::LogLevel::kWarning, problem); };
  for (const std::string& problem : modules.problems) report(problem);
  load_modules(modules.later, report);
}

[[noreturn]] void run_as_init() {
  mount_first();
  set_up_standard_streams();
  const UniqueFd uevents = open_uevents();
  const ModuleList modules = parse_module_list(read_text(kModuleListPath));
  const std::uint32_t loaded = load_modules(modules.channel, [](const std::string& problem) { console(problem); });
  const UniqueFd port = find_channel(uevents.get());
  if (!port) {
    sync();
    end_machine(choose_power_off(guest::PowerOff::kAuto));
  }

  AgentConfig config;
  config.port = port.get();
  config.uevents = uevents.get();
  config.is_init = true;
  config.end_of_port = false;
  config.modules_loaded = loaded;
  Agent agent{config};
  agent.hello();
  finish_boot(agent, modules);
  const guest::PowerOff how = choose_power_off(agent.serve());
  if (!agent.trouble().empty()) {
    console(std::string(agent.trouble()) + "; powering off");
    agent.log(guest::LogLevel::kError, agent.trouble());
  }
  agent.kill_processes();
  agent.say_bye(how);
  end_machine(how);
}

int run_as_process(int fd) {
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) != 0) {
    std::fprintf(stderr, "sporehost-agent: descriptor %d is not open\n", fd);
    return 2;
  }
  prctl(PR_SET_CHILD_SUBREAPER, 1); // as PID 1 would be
  AgentConfig config;
  config.port = fd;
  Agent agent{config};
  agent.hello();
  guest::PowerOff how = agent.serve();
  if (how == guest::PowerOff::kAuto) how = guest::PowerOff::kOff;
  agent.kill_processes();
  agent.say_bye(how);
  if (!agent.trouble().empty()) {
    std::fprintf(stderr, "sporehost-agent: %s\n", std::string(agent.trouble()).c_str());
    return 1;
  }
  return 0;
}

} // namespace
} // namespace sporehost::agent

int main(int argc, char** argv) {
  if (getpid() == 1) sporehost::agent::run_as_init();
  if (argc == 3 && std::string_view(argv[1]) == "--serve-fd")
    if (const auto fd = sporehost::whole_number<int>(argv[2])) return sporehost::agent::run_as_process(*fd);
  std::fputs("sporehost-agent: PID 1 of a sporehost guest. Elsewhere: sporehost-agent --serve-fd N\n", stderr);
  return 2;
}
