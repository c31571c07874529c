#include "core/system/crash.hpp"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "core/base/exit_status.hpp"
#include "core/base/plugin_call.hpp"
#include "core/base/signal_name.hpp"
#include "core/system/own_memory.hpp"
#include "core/system/process.hpp"

namespace sporehost {
namespace {

constexpr std::array kFatal = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

// Everything below runs in a signal handler: no allocation, no lock, no library that has any.

// Where the code of files is.
struct CodeRange {
  uintptr_t start, end;
  bool ours;
  char path[256];
};
struct CodeMap {
  std::array<CodeRange, 96> ranges;
  size_t count;
};
CodeMap code;

// Libraries of the system are called by everybody: whose call it was, they do not tell.
bool is_library(const char* path) {
  const char* slash = ::strrchr(path, '/');
  const char* name = slash == nullptr ? path : slash + 1;
  return ::strncmp(name, "lib", 3) == 0 || ::strncmp(name, "ld-", 3) == 0;
}

void take_code(uintptr_t start, uintptr_t end, const char* path, bool program) {
  if (code.count == code.ranges.size()) return;
  CodeRange& range = code.ranges[code.count];
  range.start = start;
  range.end = end;
  range.ours = program || is_library(path);
  ::strncpy(range.path, path, sizeof range.path - 1);
  ++code.count;
}

void read_code_map() {
  for_each_code_range(take_code);
}

const CodeRange* range_of(uintptr_t address) {
  for (size_t i = 0; i < code.count; ++i)
    if (address >= code.ranges[i].start && address < code.ranges[i].end) return &code.ranges[i];
  return nullptr;
}

// The file of a plugin whose code was running: the instruction's, or the nearest caller's on the stack, where the
// instruction belongs to a library (abort, memcpy) or to no code at all (a pointer gone wrong).
const char* plugin_file(uintptr_t instruction, uintptr_t stack) {
  const CodeRange* at = range_of(instruction);
  if (at != nullptr && !at->ours) return at->path;
  if (at != nullptr && !is_library(at->path)) return nullptr; // our own code
  static std::array<uintptr_t, 512> words;
  const uintptr_t page_end = (stack | 4095) + 1;
  size_t bytes = std::min(sizeof words, static_cast<size_t>(page_end - stack)); // at least to the page's end
  for (const size_t wanted : {sizeof words, bytes}) {
    if (copy_own_memory(reinterpret_cast<const void*>(stack), words.data(), wanted) != MemoryCopy::done) continue;
    for (size_t i = 0; i < wanted / sizeof words[0]; ++i) {
      const CodeRange* caller = range_of(words[i]);
      if (caller == nullptr || is_library(caller->path)) continue;
      return caller->ours ? nullptr : caller->path;
    }
    return nullptr;
  }
  return nullptr;
}

// A dump of the memory for whoever wants one (ulimit -c), in a child: our own end has a status to tell.
void leave_core_dump(int signal) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur == 0) return;
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(signal, SIG_DFL);
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_UNBLOCK, &all, nullptr);
    ::raise(signal);
    ::_exit(kExitPlugin);
  }
  if (child > 0) ::waitpid(child, nullptr, 0);
}

void on_fatal(int signal, siginfo_t* /*info*/, void* context) {
  static std::atomic<const CallNote*> teller{nullptr}; // by the thread's note
  const CallNote* first = nullptr;
  if (!teller.compare_exchange_strong(first, &call_note())) { // a second one has nothing to add
    while (first != &call_note()) ::pause();                  // in another thread: the first one's is the last word
    ::signal(signal, SIG_DFL);
    ::raise(signal);
    return;
  }
  const char* name = signal_name(signal);
  const char* called = call_note().who.load(std::memory_order_relaxed);
  read_code_map();
  const auto [instruction, stack] = interrupted_at(context);
  const char* file = plugin_file(instruction, stack);
  constexpr uintptr_t kLowest = 65536; // below it nothing is ever mapped: a call through a NULL of ours
  const bool unloaded = called == nullptr && file == nullptr && signal != SIGABRT && instruction >= kLowest &&
                        range_of(instruction) == nullptr;
  if (called == nullptr && file == nullptr && !unloaded) {
    const char* const own[] = {"internal error: SIG", name, ": a defect of this program, not of the workload"};
    say_from_handler(own, 3);
    ::signal(signal, SIG_DFL);
    ::raise(signal);
    return;
  }
  if (unloaded) {
    const char* const gone[] = {"SIG", name,
                                " in code that is not there (any more): a plugin's thread that has "
                                "outlived its object, most likely; the workload is not to blame"};
    say_from_handler(gone, 3);
  } else if (called != nullptr) {
    const char* const text[] = {called,
                                " crashed: SIG",
                                name,
                                " while it was called",
                                file != nullptr && ::strstr(called, file) == nullptr ? ", in the code of " : "",
                                file != nullptr && ::strstr(called, file) == nullptr ? file : "",
                                "; the workload is not to blame"};
    say_from_handler(text, 7);
  } else {
    const char* const text[] = {"plugin '", file, "' crashed: SIG", name,
                                " in a thread of its own; the workload is not to blame"};
    say_from_handler(text, 5);
  }
  leave_core_dump(signal);
  ::_exit(kExitPlugin);
}

// Writes `parts` if whoever reads standard error takes them: the handlers that speak here are about to end a process
// that somebody waits for. A pipe or terminal is opened once more, for us alone, as NonBlockingWriter does.
void write_without_waiting(const iovec* parts, size_t count) {
  struct stat info {};
  if (::fstat(STDERR_FILENO, &info) != 0) return;
  const bool waits = S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode);
  const UniqueFd own = waits ? reopen_non_blocking(STDERR_FILENO) : UniqueFd();
  if (S_ISSOCK(info.st_mode) || waits) {
    constexpr int kPatienceMs = 200;
    pollfd ready{own ? own.get() : STDERR_FILENO, POLLOUT, 0};
    if (::poll(&ready, 1, kPatienceMs) == 0) return;
  }
  if (S_ISSOCK(info.st_mode)) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = count;
    (void)!::sendmsg(STDERR_FILENO, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return;
  }
  (void)!::writev(own ? own.get() : STDERR_FILENO, parts, static_cast<int>(count)); // in one piece
}

} // namespace

void say_from_handler(const char* const* texts, unsigned count) {
  static const char begin[] = "sporehost: ", end[] = "\n";
  std::array<iovec, 12> parts{};
  size_t used = 0;
  size_t room = PIPE_BUF - (sizeof end - 1); // a pipe that polls writable takes so much whole
  const auto add = [&](const char* text) {
    const size_t bytes = std::min(::strlen(text), room);
    if (used < parts.size()) parts[used++] = {const_cast<char*>(text), bytes};
    room -= bytes;
  };
  add(begin);
  for (unsigned i = 0; i < count && used + 1 < parts.size(); ++i) add(texts[i]);
  room = sizeof end - 1;
  add(end);
  write_without_waiting(parts.data(), used);
}

namespace {

std::atomic<pid_t> running{0}; // the process that has a run, 0: none

// On the thread that called exit(), behind the destructors of what is its own.
void on_exit() {
  if (running.load() != ::getpid()) return; // the program's own end, or a process that a plugin forked
  static std::atomic_flag busy = ATOMIC_FLAG_INIT;
  if (busy.test_and_set()) ::_exit(kExitPlugin);
  const char* called = called_now();
  read_code_map();
  const auto here = reinterpret_cast<uintptr_t>(__builtin_return_address(0)); // in the library that has exit()
  const char* file = plugin_file(here, reinterpret_cast<uintptr_t>(__builtin_frame_address(0)));
  if (called != nullptr) {
    const bool other = file != nullptr && ::strstr(called, file) == nullptr;
    const char* const text[] = {called, " ended the process with exit() while it was called",
                                other ? ", in the code of " : "", other ? file : "",
                                " (SDK-20); the workload is not to blame"};
    say_from_handler(text, 5);
  } else if (file != nullptr) {
    const char* const text[] = {"plugin '", file,
                                "' ended the process with exit() in a thread of its own (SDK-20); the workload is not "
                                "to blame"};
    say_from_handler(text, 3);
  } else {
    const char* const text[] = {
        "a plugin ended the process with exit() in a thread of its own (SDK-20); which one cannot be told; the "
        "workload "
        "is not to blame"};
    say_from_handler(text, 1);
  }
  ::_exit(kExitPlugin);
}

} // namespace

ExitGuard::ExitGuard() {
  static const bool registered = call_at_exit(on_exit);
  if (registered) running.store(::getpid());
}

ExitGuard::~ExitGuard() {
  running.store(0);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
CrashStack::CrashStack() = default; // the sanitizer has its own
CrashStack::~CrashStack() = default;
#else
// Not zeroed: a stack that is never used costs no page.
CrashStack::CrashStack() : stack_(std::make_unique_for_overwrite<char[]>(kBytes)) {
  stack_t alternate{}; // whose fields have another order on every system
  alternate.ss_sp = stack_.get();
  alternate.ss_size = kBytes;
  ::sigaltstack(&alternate, nullptr);
}

CrashStack::~CrashStack() {
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
}
#endif

void install_crash_handler() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return; // the sanitizer's own report says more
#endif
  (void)new CrashStack; // the main thread's own, as long as there is one
  (void)call_note();    // taken now, so that the handler need not
  struct sigaction action {};
  action.sa_sigaction = on_fatal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  for (const int signal : kFatal) ::sigaction(signal, &action, nullptr);
}

} // namespace sporehost
