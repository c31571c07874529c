#include "core/kernel/script.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/base/unique_fd.hpp"

extern char** environ;

namespace sporehost::kernel {

namespace fs = std::filesystem;
using spore::fail;
using spore::Result;

namespace {

constexpr size_t kMostOutput = 65536, kMostErrors = 4096;

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

// Takes what is there; false at the end.
bool drain(int fd, std::string& into, size_t most, bool keep_end) {
  std::array<char, 4096> buffer{};
  const ssize_t count = ::read(fd, buffer.data(), buffer.size());
  if (count < 0) return errno == EINTR;
  into.append(buffer.data(), static_cast<size_t>(count));
  if (into.size() > most) keep_end ? into.erase(0, into.size() - most) : into.erase(most);
  return count > 0;
}

void collect(Pipe& out, Pipe& err, ScriptOutcome& outcome) {
  std::array<pollfd, 2> fds{{{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}}};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
    if (fds[0].fd >= 0 && fds[0].revents && !drain(fds[0].fd, outcome.output, kMostOutput, false)) fds[0].fd = -1;
    if (fds[1].fd >= 0 && fds[1].revents && !drain(fds[1].fd, outcome.errors, kMostErrors, true)) fds[1].fd = -1;
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
  pid_t child = 0;
  const auto argument_pointers = pointers(argv), variable_pointers = pointers(variables);
  const int code =
      ::posix_spawn(&child, script.c_str(), actions.get(), nullptr, argument_pointers.data(), variable_pointers.data());
  if (code != 0) return fail(SPORE_E_IO, "cannot start '" + script.string() + "': " + std::strerror(code));
  out.write.reset();
  err.write.reset();
  ScriptOutcome outcome;
  collect(out, err, outcome);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
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
