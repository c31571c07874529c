#include "core/system/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>

#include "core/base/signal_name.hpp"
#include "core/system/pipe.hpp"

extern char** environ;

namespace sporehost {

using spore::fail;
using spore::Result;

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMostErrors = 4096;
constexpr std::array kStopSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr std::chrono::duration<int, std::milli> kTick{20}; // how often a program's end is looked for
constexpr std::chrono::milliseconds kLastWords{100};      // after its end, of what it started: of those who are silent
constexpr std::chrono::milliseconds kMostLastWords{1000}; // and of those who are not
constexpr std::chrono::seconds kAfterParent{10};          // more than the grace of a script

Result<Pipe> a_pipe(PipeMode mode) {
  if (auto pipe = make_pipe(mode)) return std::move(*pipe);
  return fail(SPORE_E_IO, std::string("no pipe: ") + std::strerror(errno));
}

// What posix_spawn wants, given back in the end.
class SpawnSettings {
 public:
  explicit SpawnSettings(Bond bond) {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    for (const int signal : kStopSignals) sigdelset(&all, signal); // what our user ignores (nohup) stays ignored
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    const int group = bond == Bond::script ? POSIX_SPAWN_SETPGROUP : 0;
    ::posix_spawnattr_setflags(&attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  void dup(int from, int to) { ::posix_spawn_file_actions_adddup2(&actions, from, to); }
  void open_null(int to) { ::posix_spawn_file_actions_addopen(&actions, to, "/dev/null", O_RDONLY, 0); }

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

std::atomic<int> stop_pipe{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void on_stop_signal(int signal) {
  const int before = errno;
  const auto byte = static_cast<uint8_t>(signal);
  (void)!::write(stop_pipe.load(std::memory_order_relaxed), &byte, 1); // a full pipe has said it often enough
  errno = before;
}

// Takes the signals that ask us to end, for as long as it lives, as readable bytes; also those that are blocked here.
// The first of them is raised again when it goes, for whoever handled it before.
class StopSignals {
 public:
  explicit StopSignals(Pipe pipe) : pipe_(std::move(pipe)) {
    stop_pipe = pipe_.write.get();
    struct sigaction wanted {};
    wanted.sa_handler = on_stop_signal;
    wanted.sa_flags = SA_RESTART;
    sigemptyset(&wanted.sa_mask);
    sigset_t taken;
    sigemptyset(&taken);
    for (size_t i = 0; i < kStopSignals.size(); ++i) {
      ::sigaction(kStopSignals[i], nullptr, &before_[i]);
      if (before_[i].sa_handler == SIG_IGN) continue;
      ::sigaction(kStopSignals[i], &wanted, nullptr);
      sigaddset(&taken, kStopSignals[i]);
    }
    ::pthread_sigmask(SIG_UNBLOCK, &taken, &mask_before_);
  }
  ~StopSignals() {
    ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
    for (size_t i = 0; i < kStopSignals.size(); ++i) ::sigaction(kStopSignals[i], &before_[i], nullptr);
    stop_pipe = -1;
    while (take() != 0) { // the last moments'
    }
    if (first_ != 0) ::raise(first_);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  [[nodiscard]] int fd() const { return pipe_.read.get(); }
  [[nodiscard]] int first() const { return first_; }
  // The next signal that has come, or 0.
  int take() {
    uint8_t number = 0;
    if (::read(fd(), &number, 1) != 1) return 0;
    if (first_ == 0) first_ = number;
    return number;
  }

 private:
  Pipe pipe_;
  std::array<struct sigaction, kStopSignals.size()> before_{};
  sigset_t mask_before_{};
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

class Running {
 public:
  explicit Running(const ProgramCall& call) : call_(call) {}

  Result<ProgramEnd> run(StopSignals& stop) {
    SPORE_CHECK(start());
    follow(stop);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) { // it has ended: this lets go of its number
    }
    while (stop.take() != 0) { // one that came with its end has stopped it
    }
    if (WIFSIGNALED(status))
      end_.signal = WTERMSIG(status);
    else
      end_.status = WEXITSTATUS(status);
    return std::move(end_);
  }

 private:
  Result<void> start() {
    SPORE_TRY(Pipe out, a_pipe(PipeMode::blocking));
    SPORE_TRY(Pipe err, a_pipe(PipeMode::blocking));
    SPORE_TRY(Pipe life, a_pipe(PipeMode::blocking));
    SpawnSettings settings(call_.bond);
    settings.dup(out.write.get(), STDOUT_FILENO);
    if (call_.bond == Bond::part) {
      settings.dup(life.read.get(), STDIN_FILENO);
    } else {
      settings.open_null(STDIN_FILENO);
      settings.dup(err.write.get(), STDERR_FILENO);
    }
    std::vector<std::string> argv{call_.program.string()};
    argv.insert(argv.end(), call_.arguments.begin(), call_.arguments.end());
    std::vector<std::string> variables = call_.environment; // the first one of a name counts
    for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
    const int code = ::posix_spawn(&pid_, call_.program.c_str(), &settings.actions, &settings.attributes,
                                   pointers(argv).data(), pointers(variables).data());
    if (code != 0) return fail(SPORE_E_IO, "cannot start '" + call_.program.string() + "': " + std::strerror(code));
    out_ = std::move(out.read);
    err_ = std::move(err.read);
    if (call_.bond == Bond::part) life_ = std::move(life.write);
    return {};
  }

  void signal(int number) const { ::kill(call_.bond == Bond::script ? -pid_ : pid_, number); }

  // Until it has ended and all that it said is taken.
  void follow(StopSignals& stop) {
    std::array<pollfd, 3> fds{{{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}, {stop.fd(), POLLIN, 0}}};
    bool quiet = false;
    while (!is_over(fds[0].fd >= 0 || fds[1].fd >= 0, quiet)) {
      const int ready = ::poll(fds.data(), fds.size(), kTick.count());
      quiet = ready == 0;
      if (ready > 0) {
        if (fds[0].revents && !drain(fds[0].fd, end_.output, call_.most_output, false)) fds[0].fd = -1;
        if (fds[1].revents && !drain(fds[1].fd, end_.errors, kMostErrors, true)) fds[1].fd = -1;
        if (const int number = fds[2].revents ? stop.take() : 0; number != 0) pass_on(number);
      }
      if (kill_at_ && Clock::now() >= *kill_at_) {
        signal(SIGKILL);
        kill_at_.reset();
        killed_ = true;
      }
    }
  }

  // Its outputs may end before it does. What it started may hold them after its end: that is not waited for, except
  // while a script that was stopped has its grace.
  bool is_over(bool has_outputs, bool quiet) {
    if (!ended_at_ && has_ended()) ended_at_ = Clock::now();
    if (!ended_at_ || !has_outputs) return ended_at_.has_value();
    if (kill_at_ && call_.bond == Bond::script) return false;
    return Clock::now() - *ended_at_ >= (quiet ? kLastWords : kMostLastWords);
  }

  // Looks only: as long as it is not waited for, its number and its group's are nobody else's.
  [[nodiscard]] bool has_ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info.si_pid == pid_
                                                                                             : errno != EINTR;
  }

  void pass_on(int number) {
    signal(number);
    if (!kill_at_ && !killed_) kill_at_ = Clock::now() + call_.stop_grace;
  }

  const ProgramCall& call_;
  pid_t pid_ = 0;
  UniqueFd out_, err_, life_;
  std::optional<Clock::time_point> ended_at_, kill_at_;
  bool killed_ = false;
  ProgramEnd end_;
};

} // namespace

Result<ProgramEnd> run_program(const ProgramCall& call) {
  SPORE_TRY(Pipe pipe, a_pipe(PipeMode::non_blocking));
  StopSignals stop(std::move(pipe)); // before there is a child that nobody would stop
  SPORE_TRY(ProgramEnd end, Running(call).run(stop));
  if (stop.first() != 0)
    return fail(SPORE_E_STATE,
                "'" + call.program.string() + "' was stopped by SIG" + std::string(signal_name(stop.first())));
  return end;
}

void end_with_parent() {
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before); // signals are the main thread's
  std::thread([] {
    std::array<char, 64> nothing{};
    while (true) {
      const ssize_t count = ::read(STDIN_FILENO, nothing.data(), nothing.size());
      if (count == 0 || (count < 0 && errno != EINTR)) break;
    }
    ::kill(::getpid(), SIGTERM);
    std::this_thread::sleep_for(kAfterParent);
    ::kill(::getpid(), SIGKILL);
  }).detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

} // namespace sporehost
