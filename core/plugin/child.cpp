#include "core/plugin/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "core/base/signal_name.hpp"
#include "core/base/size.hpp"
#include "core/base/text.hpp"
#include "core/base/unique_fd.hpp"
#include "core/system/anonymous_file.hpp"
#include "core/system/pipe.hpp"
#include "core/system/process.hpp"

extern char** environ;

namespace sporehost::plugin {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kUsualLimit{5000};
constexpr milliseconds kLongestLimit{24 * 60 * 60 * 1000};
constexpr size_t kMostAnswer = size_t{64} << 20;
constexpr int kMostSteps = 40; // that take the time allowed for one
constexpr milliseconds kStragglers{200};
constexpr size_t kMostPrinted = 4096;
constexpr size_t kMostQuoted = 300;

// A pipe that a child writes to: our end does not block.
std::optional<Pipe> pipe_from_child() {
  auto pipe = make_pipe();
  if (pipe) ::fcntl(pipe->read.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

// A file, so that a long input cannot block on a child that does not read it.
UniqueFd input_file(const std::string& input) {
  UniqueFd fd = make_anonymous_file("sporehost-request");
  if (!fd || ::write(fd.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size())) return {};
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

// What posix_spawn wants, given back in the end.
class SpawnSettings {
 public:
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

// Reads what is there. false: no more will come.
bool drain(int fd, std::string& into, size_t most) {
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    into.append(buffer.data(), std::min(static_cast<size_t>(count), most - std::min(most, into.size())));
    if (into.size() >= most) return true; // the rest is read, and dropped, at the next turn
  }
}

class Child {
 public:
  ChildEnd run(const ChildCall& call) {
    if (!start(call)) return {ChildEnd::How::not_started, errno, {}, {}, {}, false, false};
    serve(call.limit);
    finish();
    return std::move(end_);
  }

 private:
  bool start(const ChildCall& call) {
    auto answer = pipe_from_child();
    auto out = pipe_from_child();
    auto err = pipe_from_child();
    const UniqueFd input = input_file(call.input);
    if (!answer || !out || !err || !input) return false;
    SpawnSettings settings;
    ::posix_spawn_file_actions_adddup2(&settings.actions, input.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&settings.actions, out->write.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&settings.actions, err->write.get(), STDERR_FILENO);
    ::posix_spawn_file_actions_adddup2(&settings.actions, answer->write.get(), kAnswerFd);
    const std::string parent = std::string(kParentVariable) + "=" + std::to_string(::getpid());
    std::vector<char*> environment{const_cast<char*>(parent.c_str())};
    for (char** one = environ; *one != nullptr; ++one) environment.push_back(*one);
    environment.push_back(nullptr);
    std::vector<std::string> words{"sporehost"};
    words.insert(words.end(), call.arguments.begin(), call.arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    errno = ::posix_spawn(&pid_, call.program.c_str(), &settings.actions, &settings.attributes, argv.data(),
                          environment.data());
    if (errno != 0) return false;
    gone_ = end_of_process(pid_);
    answer_ = std::move(answer->read);
    out_ = std::move(out->read);
    err_ = std::move(err->read);
    return true;
  }

  // Until the child is gone, its time is up, or it says too much.
  void serve(milliseconds limit) {
    auto deadline = Clock::now() + limit;
    const auto last = Clock::now() + kMostSteps * limit; // whatever it answers
    while (true) {
      std::array<pollfd, 4> fds{{{answer_open_ ? answer_.get() : -1, POLLIN, 0},
                                 {out_open_ ? out_.get() : -1, POLLIN, 0},
                                 {err_open_ ? err_.get() : -1, POLLIN, 0},
                                 {gone_ ? gone_.get() : -1, POLLIN, 0}}};
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
      // A system that tells nobody is asked every now and then.
      const auto wait = std::clamp<long long>(left + 1, 0, gone_ ? 60'000 : 10);
      (void)::poll(fds.data(), fds.size(), static_cast<int>(wait));
      if (read_all()) deadline = std::min(Clock::now() + limit, last);
      if (answered_.size() >= kMostAnswer) return give_up(ChildEnd::How::too_much);
      if (is_gone()) return;
      if (Clock::now() >= deadline) return give_up(ChildEnd::How::timed_out);
    }
  }

  // Whether a whole line of the answer came.
  bool read_all() {
    const size_t before = answered_.size();
    answer_open_ = answer_open_ && drain(answer_.get(), answered_, kMostAnswer);
    out_open_ = out_open_ && drain(out_.get(), end_.out, kMostPrinted);
    err_open_ = err_open_ && drain(err_.get(), end_.err, kMostPrinted);
    return answered_.find('\n', before) != std::string::npos;
  }

  // Leaves the process as it is: its number stays taken, and with it that of its group.
  [[nodiscard]] bool is_gone() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
  }

  void give_up(ChildEnd::How how) {
    end_.how = how;
    gave_up_ = true;
  }

  void finish() {
    // A forked copy that went on with the child's work says so and ends; it may be a moment behind.
    const auto last = Clock::now() + kStragglers;
    (void)read_all();
    while (!gave_up_ && (answer_open_ || out_open_ || err_open_) && Clock::now() < last) {
      std::array<pollfd, 3> fds{{{answer_open_ ? answer_.get() : -1, POLLIN, 0},
                                 {out_open_ ? out_.get() : -1, POLLIN, 0},
                                 {err_open_ ? err_.get() : -1, POLLIN, 0}}};
      (void)::poll(fds.data(), fds.size(), 10);
      (void)read_all();
    }
    end_.left_processes = !gave_up_ && (answer_open_ || out_open_ || err_open_);
    ::kill(-pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    if (!gave_up_) {
      end_.how = WIFSIGNALED(status) ? ChildEnd::How::signalled : ChildEnd::How::exited;
      end_.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    }
    read_lines();
  }

  void read_lines() {
    for (size_t at = 0; at < answered_.size();) {
      const size_t length = std::min(answered_.find('\n', at), answered_.size()) - at;
      json line = json::parse(answered_.begin() + static_cast<ptrdiff_t>(at),
                              answered_.begin() + static_cast<ptrdiff_t>(at + length), nullptr, false);
      at += length + 1;
      if (!line.is_object() || !line.contains("pid")) continue;
      if (line["pid"] == pid_)
        end_.lines.push_back(std::move(line));
      else
        end_.doubled = true;
    }
  }

  pid_t pid_ = 0;
  UniqueFd answer_, out_, err_, gone_;
  bool answer_open_ = true, out_open_ = true, err_open_ = true, gave_up_ = false;
  std::string answered_;
  ChildEnd end_;
};

} // namespace

ChildEnd run_child(const ChildCall& call) {
  return Child().run(call);
}

std::string ChildEnd::text(std::string_view where, milliseconds limit) const {
  const std::string place = where.empty() ? std::string() : " " + std::string(where);
  std::string said = printed_line(err.empty() ? out : err, kMostQuoted);
  if (!said.empty()) said = "; it wrote: " + said;
  switch (how) {
    case How::signalled: {
      const char* name = signal_name(code);
      return "ended the process with signal " + std::to_string(code) +
             (name != nullptr ? " (SIG" + std::string(name) + ")" : "") + place + said;
    }
    case How::timed_out:
      return "did not come back within " + format_duration(static_cast<uint64_t>(limit.count())) + place +
             "; SPOREHOST_PLUGIN_TIMEOUT allows more" + said;
    case How::too_much:
      return "wrote more than " + format_size(kMostAnswer) + " to a descriptor that is not its own" + place;
    case How::not_started:
      return "could not be looked at, as this host started no child process: " + std::string(std::strerror(code));
    case How::exited:
      break;
  }
  return "ended the process with status " + std::to_string(code) + place + said;
}

std::string printed_line(const std::string& text, size_t most) {
  std::string line = printable(text);
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return std::string(cut_text(line, most));
}

milliseconds step_limit() {
  static const milliseconds limit = [] {
    const char* wanted = std::getenv("SPOREHOST_PLUGIN_TIMEOUT");
    if (wanted == nullptr || *wanted == '\0') return kUsualLimit;
    const auto parsed = parse_duration(wanted);
    if (parsed && *parsed > static_cast<uint64_t>(kLongestLimit.count())) {
      std::fprintf(stderr, "sporehost: SPOREHOST_PLUGIN_TIMEOUT: %s is more than a day; 24h is used\n",
                   quote(wanted).c_str());
      return kLongestLimit;
    }
    if (parsed && *parsed > 0) return milliseconds(static_cast<int64_t>(*parsed));
    std::fprintf(stderr, "sporehost: SPOREHOST_PLUGIN_TIMEOUT: %s is no duration such as 20s; 5s is used\n",
                 quote(wanted).c_str());
    return kUsualLimit;
  }();
  return limit;
}

// ---- the child's side ----------------------------------------------------------------------------------------------

Answer::Answer() : pid_(::getpid()), threads_(count_threads()) {
  die_with_parent();
  // A parent that was gone before that is not told of by any signal.
  const char* parent = std::getenv(kParentVariable);
  if (parent != nullptr && std::to_string(::getppid()) != parent) ::_exit(1);
  ::unsetenv(kParentVariable);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

void Answer::send(json object) const {
  object["pid"] = ::getpid();
  const std::string line = object.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  for (size_t sent = 0; sent < line.size();) {
    const ssize_t count = ::write(kAnswerFd, line.data() + sent, line.size() - sent);
    if (count < 0 && errno != EINTR) break;
    if (count > 0) sent += static_cast<size_t>(count);
  }
  if (::getpid() != pid_) ::_exit(0); // a plugin forked: one of us is enough, and the parent knows now
}

void Answer::step(std::string_view where, std::string_view whose) const {
  send({{"step", where}, {"whose", whose}});
}

bool Answer::has_new_threads() const {
  return count_threads() > threads_;
}

void Answer::end() const {
  ::_exit(0);
}

} // namespace sporehost::plugin
