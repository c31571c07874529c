#include "guest/agent/workload.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace sporehost::agent {
namespace {

constexpr char kDefaultPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

bool open_pipe(Pipe& pipe) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  pipe.read_end.reset(ends[0]);
  pipe.write_end.reset(ends[1]);
  return true;
}

bool make_nonblocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 2);
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  return out;
}

// Where a child's preparations failed, sent to the parent through a pipe that a successful exec closes.
enum class Stage : int { kSession, kStreams, kDirectory, kLimits, kExec };

struct Failure {
  Stage stage;
  int error;
};

std::string describe(const Failure& failure, const guest::Run& run) {
  const std::string reason = std::strerror(failure.error);
  switch (failure.stage) {
    case Stage::kSession:
      return "cannot make a session for the command: " + reason;
    case Stage::kStreams:
      return "cannot set up the command's standard streams: " + reason;
    case Stage::kDirectory:
      return "cannot enter the working directory " + run.cwd.substr(0, 256) + ": " + reason;
    case Stage::kLimits:
      return "cannot set a resource limit: " + reason;
    case Stage::kExec:
      break;
  }
  return "cannot run " + run.argv.front().substr(0, 256) + ": " + reason;
}

void default_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool apply_limits(const std::vector<guest::ResourceLimit>& limits) {
  return std::all_of(limits.begin(), limits.end(), [](const guest::ResourceLimit& limit) {
    const rlimit value{limit.soft, limit.hard}; // UINT64_MAX is RLIM_INFINITY
    return setrlimit(static_cast<__rlimit_resource>(limit.resource), &value) == 0;
  });
}

bool redirect(int out, int err) {
  const int null = open("/dev/null", O_RDONLY);
  if (null < 0) return false;
  if (dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0) return false;
  if (null > STDERR_FILENO) close(null);
  return true;
}

// In the child: never returns.
[[noreturn]] void become(const guest::Run& run, char* const* argv, char** env, int out, int err, int report) {
  auto fail = [report](Stage stage) {
    const Failure failure{stage, errno};
    const ssize_t written = write(report, &failure, sizeof failure);
    _exit(written == sizeof failure ? 127 : 126);
  };
  default_signals();
  if (setsid() < 0) fail(Stage::kSession);
  if (!redirect(out, err)) fail(Stage::kStreams);
  if (chdir(run.cwd.empty() ? "/" : run.cwd.c_str()) != 0) fail(Stage::kDirectory);
  if (!apply_limits(run.limits)) fail(Stage::kLimits);
  environ = env; // execvp looks for PATH here
  execvp(argv[0], argv);
  fail(Stage::kExec);
  _exit(126);
}

Spawned failed(int error, std::string problem) {
  Spawned result;
  result.error = error;
  result.problem = std::move(problem);
  return result;
}

} // namespace

Spawned spawn(const guest::Run& run) {
  Pipe out;
  Pipe err;
  Pipe report;
  if (!open_pipe(out) || !open_pipe(err) || !open_pipe(report) || !make_nonblocking(out.read_end.get()) ||
      !make_nonblocking(err.read_end.get())) {
    return failed(errno, std::string("cannot make pipes for the command: ") + std::strerror(errno));
  }
  std::vector<char*> argv = pointers(run.argv);
  std::vector<char*> env = pointers(run.env);
  const bool has_path =
      std::any_of(run.env.begin(), run.env.end(), [](const std::string& entry) { return entry.starts_with("PATH="); });
  if (!has_path) env.push_back(const_cast<char*>(kDefaultPath));
  argv.push_back(nullptr);
  env.push_back(nullptr);

  const pid_t pid = fork();
  if (pid < 0) return failed(errno, std::string("cannot fork: ") + std::strerror(errno));
  if (pid == 0) {
    become(run, argv.data(), env.data(), out.write_end.get(), err.write_end.get(), report.write_end.get());
  }
  report.write_end.reset();

  Failure failure{};
  ssize_t count = 0;
  do {
    count = read(report.read_end.get(), &failure, sizeof failure);
  } while (count < 0 && errno == EINTR);
  if (count == sizeof failure) {
    waitpid(pid, nullptr, 0);
    return failed(failure.error, describe(failure, run));
  }
  Spawned result;
  result.pid = pid;
  result.out = std::move(out.read_end);
  result.err = std::move(err.read_end);
  return result;
}

} // namespace sporehost::agent
