#include "core/kernel/script.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include "core/base/unique_fd.hpp"

extern char** environ;

namespace sporehost::kernel {

namespace fs = std::filesystem;
using spore::fail;
using spore::Result;

namespace {

constexpr size_t kMostOutput = 65536, kMostErrors = 4096;
constexpr std::chrono::seconds kStopGrace{5};

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(SPORE_E_IO, std::string("no pipe: ") + std::strerror(errno));
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

class SpawnActions {
 public:
  SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  void dup(int from, int to) { ::posix_spawn_file_actions_adddup2(&actions_, from, to); }
  void open_null(int to) { ::posix_spawn_file_actions_addopen(&actions_, to, "/dev/null", O_RDONLY, 0); }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// As a shell starts a program: nothing blocked, nothing ignored but what our own user ignores (nohup), and a process
// group of its own.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    ::posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) sigdelset(&all, signal);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

// Takes the signals that ask us to end, for as long as it lives, as readable bytes. What it took is raised again when
// it goes, with the mask of before.
class StopSignals {
 public:
  StopSignals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
      struct sigaction action {};
      if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) sigaddset(&set, signal);
    }
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
    fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~StopSignals() {
    if (first_ != 0) ::raise(first_);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] int first() const { return first_; }
  // The signal that has come, or 0.
  int take() {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) != sizeof info) return 0;
    if (first_ == 0) first_ = static_cast<int>(info.ssi_signo);
    return static_cast<int>(info.ssi_signo);
  }

 private:
  sigset_t before_{};
  UniqueFd fd_;
  int first_ = 0;
};

// Takes what is there; false at the end.
bool drain(int fd, std::string& into, size_t most, bool keep_end) {
  std::array<char, 4096> buffer{};
  const ssize_t count = ::read(fd, buffer.data(), buffer.size());
  if (count < 0) return errno == EINTR;
  into.append(buffer.data(), static_cast<size_t>(count));
  if (into.size() > most) keep_end ? into.erase(0, into.size() - most) : into.erase(most);
  return count > 0;
}

// Until both pipes have ended. A stop signal goes on to the script's whole group; what is left of it after the grace is
// killed, and whoever holds the pipes then is not waited for.
void collect(Pipe& out, Pipe& err, StopSignals& stop, pid_t group, ScriptOutcome& outcome) {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> kill_at;
  std::array<pollfd, 3> fds{{{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}, {stop.fd(), POLLIN, 0}}};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    int wait = -1;
    if (kill_at) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*kill_at - Clock::now()).count();
      if (left <= 0) {
        ::kill(-group, SIGKILL);
        return;
      }
      wait = static_cast<int>(left);
    }
    if (::poll(fds.data(), fds.size(), wait) < 0 && errno != EINTR) return;
    if (fds[0].fd >= 0 && fds[0].revents && !drain(fds[0].fd, outcome.output, kMostOutput, false)) fds[0].fd = -1;
    if (fds[1].fd >= 0 && fds[1].revents && !drain(fds[1].fd, outcome.errors, kMostErrors, true)) fds[1].fd = -1;
    if (const int signal = fds[2].revents ? stop.take() : 0; signal != 0) {
      ::kill(-group, signal);
      if (!kill_at) kill_at = Clock::now() + kStopGrace;
    }
  }
}

} // namespace

Result<ScriptOutcome> run_script(const fs::path& script, const std::vector<std::string>& arguments,
                                 const std::vector<std::string>& extra_environment, bool quiet) {
  std::error_code ignored;
  if (!fs::is_regular_file(script, ignored))
    return fail(SPORE_E_NOT_FOUND, "the script '" + script.string() + "' is not here; it comes with the source tree");
  std::vector<std::string> argv{script.string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = extra_environment; // the first one of a name counts
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  SPORE_TRY(Pipe out, make_pipe());
  SPORE_TRY(Pipe err, make_pipe());
  SpawnActions actions;
  actions.open_null(0);
  actions.dup(out.write.get(), 1);
  if (quiet) actions.dup(err.write.get(), 2);
  const SpawnAttributes attributes;
  pid_t child = 0;
  const auto argument_pointers = pointers(argv), variable_pointers = pointers(variables);
  StopSignals stop; // before there is a child that nobody would stop
  const int code = ::posix_spawn(&child, script.c_str(), actions.get(), attributes.get(), argument_pointers.data(),
                                 variable_pointers.data());
  if (code != 0) return fail(SPORE_E_IO, "cannot start '" + script.string() + "': " + std::strerror(code));
  out.write.reset();
  err.write.reset();
  ScriptOutcome outcome;
  collect(out, err, stop, child, outcome);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (stop.first() != 0)
    return fail(SPORE_E_STATE,
                "'" + script.string() + "' was stopped by SIG" + std::string(::sigabbrev_np(stop.first())));
  return outcome;
}

fs::path scripts_folder() {
  std::error_code ignored;
  std::vector<fs::path> candidates;
  if (const fs::path self = fs::read_symlink("/proc/self/exe", ignored); !self.empty())
    candidates.push_back(self.parent_path().parent_path() / "share/sporehost/scripts");
  candidates.emplace_back(SPOREHOST_SOURCE_SCRIPTS);
  for (const fs::path& folder : candidates)
    if (fs::is_directory(folder, ignored)) return folder;
  return {};
}

} // namespace sporehost::kernel
