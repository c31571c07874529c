#include "tests/machine-guests/run.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace machine_guests {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kPatience = 60s; // a run's own limit is shorter

std::string from_environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

fs::path make_folder() {
  std::string name = (fs::temp_directory_path() / "sporehost-guest-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder: " + name);
  return name;
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  return ends;
}

void close_now(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

std::string describe(const MachineText& machine) {
  return "version: 1\nboot:\n  kernel: " + (machine.kernel.empty() ? image(machine.guest).string() : machine.kernel) +
         "\n  initrd: " + machine.initrd + "\n  cmdline: \"" + machine.cmdline + "\"\nmemory: " + machine.memory +
         "\ndevices: [" + machine.devices + "]\nlifecycle: " + machine.lifecycle + "\n" + machine.more;
}

} // namespace

fs::path plugin_file(const std::string& id) {
  return fs::path(from_environment("SPORE_MACHINE_PLUGINS", SPORE_MACHINE_PLUGINS)) / (id + ".so");
}

fs::path image(const std::string& guest) {
  return fs::path(from_environment("SPORE_MACHINE_IMAGES", SPORE_MACHINE_IMAGES)) / (guest + ".elf");
}

std::optional<std::string> unusable() {
  const int fd = ::open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (fd < 0) return std::string("/dev/kvm cannot be used here: ") + std::strerror(errno);
  ::close(fd);
  return std::nullopt;
}

uint64_t Outcome::counter(const std::string& device, const std::string& name) const {
  if (!report.is_object()) return 0;
  return report.value("devices", nlohmann::json::object())
      .value(device, nlohmann::json::object())
      .value(name, uint64_t{0});
}

std::vector<std::string> Outcome::lines() const {
  std::vector<std::string> lines;
  std::istringstream text(console);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

SporeHost::SporeHost(const MachineText& machine, const std::vector<std::string>& arguments,
                     const Descriptors& descriptors)
    : folder_(make_folder()), start_(std::chrono::steady_clock::now()) {
  const std::string config = folder_ / "machine.yaml";
  std::ofstream(config) << describe(machine);
  std::vector<std::string> words = {from_environment("SPORE_MACHINE_PROGRAM", SPORE_MACHINE_PROGRAM),
                                    "--config",
                                    config,
                                    "--backend",
                                    "kvm",
                                    "--plugin-path",
                                    from_environment("SPORE_MACHINE_PLUGINS", SPORE_MACHINE_PLUGINS),
                                    "--plugin-path",
                                    from_environment("SPORE_MACHINE_POLICY", SPORE_MACHINE_POLICY),
                                    "--console",
                                    machine.console,
                                    "--json"};
  if (!machine.plugins.empty()) words.insert(words.begin() + 1, {"--plugin-path", machine.plugins});
  if (machine.report_file) words.insert(words.end(), {"--report-file", folder_ / "report.json"});
  if (descriptors.file_kib != 0)
    words.insert(words.begin(),
                 {"/bin/bash", "-c", "ulimit -f " + std::to_string(descriptors.file_kib) + "; exec \"$@\"", "sh"});
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  auto in = make_pipe();
  auto out = make_pipe();
  auto err = make_pipe();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, descriptors.out < 0 ? out[1] : descriptors.out, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, descriptors.err < 0 ? err[1] : descriptors.err, STDERR_FILENO);
  const int failed = ::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  for (int* ours : {&in[0], &out[1], &err[1]}) close_now(*ours);
  in_ = in[1];
  out_ = out[0];
  err_ = err[0];
  if (failed != 0) throw std::runtime_error(words[0] + " does not start: " + std::strerror(failed));
}

SporeHost::~SporeHost() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  for (int* fd : {&in_, &out_, &err_}) close_now(*fd);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

double SporeHost::elapsed_ms() const {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
}

bool SporeHost::pump() {
  if (out_ < 0 && err_ < 0) return false;
  const auto left = kPatience - (std::chrono::steady_clock::now() - start_);
  std::array<pollfd, 2> fds{{{out_, POLLIN, 0}, {err_, POLLIN, 0}}};
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
  if (wait <= 0 || ::poll(fds.data(), fds.size(), static_cast<int>(wait)) == 0) return false;
  const auto take = [](const pollfd& ready, int& fd, std::string& text) {
    if (ready.revents == 0) return;
    std::array<char, 4096> buffer;
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count > 0) return void(text.append(buffer.data(), static_cast<size_t>(count)));
    close_now(fd);
  };
  take(fds[0], out_, outcome_.console);
  take(fds[1], err_, outcome_.log);
  for (size_t end = outcome_.console.find('\n', line_start_); end != std::string::npos;
       end = outcome_.console.find('\n', line_start_)) {
    outcome_.seen_ms.emplace(outcome_.console.substr(line_start_, end - line_start_), elapsed_ms());
    line_start_ = end + 1;
  }
  return true;
}

bool SporeHost::wait_for(const std::string& text) {
  while (outcome_.console.find(text) == std::string::npos)
    if (!pump()) return false;
  return true;
}

void SporeHost::type(const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t count = ::write(in_, text.data() + done, text.size() - done);
    if (count <= 0) throw std::runtime_error("the program reads no input");
    done += static_cast<size_t>(count);
  }
}

void SporeHost::signal(int number) const {
  ::kill(pid_, number);
}

void SporeHost::wait_for_guests_end() const {
  const fs::path threads = "/proc/" + std::to_string(pid_) + "/task";
  std::ptrdiff_t most = 0;
  for (int tries = 0; tries < 15'000; ++tries) {
    std::error_code gone;
    const std::ptrdiff_t now = std::distance(fs::directory_iterator(threads, gone), fs::directory_iterator());
    if (now < most) return;
    most = now;
    std::this_thread::sleep_for(2ms);
  }
}

std::chrono::milliseconds SporeHost::processor_time() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
  std::string line;
  std::getline(file, line);
  std::istringstream fields(line.substr(std::min(line.size(), line.rfind(')') + 1)));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  long user = 0, system = 0;
  fields >> user >> system;
  return std::chrono::milliseconds((user + system) * 1000 / ::sysconf(_SC_CLK_TCK));
}

Outcome SporeHost::finish() {
  while (pump()) {
  }
  if (out_ >= 0 || err_ >= 0) ::kill(pid_, SIGKILL); // out of patience
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  outcome_.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  outcome_.total_ms = elapsed_ms();
  std::ifstream file(folder_ / "report.json");
  if (file) outcome_.report = nlohmann::json::parse(file, nullptr, false);
  return std::move(outcome_);
}

Outcome run(const MachineText& machine, const std::vector<std::string>& arguments, const Descriptors& descriptors) {
  return SporeHost(machine, arguments, descriptors).finish();
}

} // namespace machine_guests
