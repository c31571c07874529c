// A plugin that dies takes the process with it. What can still be done is to say whose code it was, and to end with a
// status that no workload's signal has.
#pragma once

#include <cstddef>
#include <memory>

namespace sporehost {

// From here on SIGSEGV, SIGBUS, SIGABRT, SIGFPE and SIGILL are told in one line on standard error. Where the code, or
// the call that this thread is in, is a plugin's, the process ends with kExitPlugin; else as it would have. [main],
// once
void install_crash_handler();

// While it lives, exit() is nobody's to call: reached from a plugin, it would end the run with a status that looks like
// the workload's. It is told in one line that names the plugin, and the process ends with kExitPlugin. A plugin that
// calls _exit() is not noticed. [main], one at a time
class ExitGuard {
 public:
  ExitGuard();
  ~ExitGuard();
  ExitGuard(const ExitGuard&) = delete;
  ExitGuard& operator=(const ExitGuard&) = delete;
};

// While it lives, the calling thread's crash is told even where it has used up its stack.
class CrashStack {
 public:
  CrashStack();
  ~CrashStack();
  CrashStack(const CrashStack&) = delete;
  CrashStack& operator=(const CrashStack&) = delete;

 private:
  static constexpr size_t kBytes = size_t{64} * 1024;
  std::unique_ptr<char[]> stack_;
};

// Writes "sporehost: " and the texts and a line's end to standard error, as far as a pipe takes it at once; a reader
// that stands still is not waited for. Safe in signal handlers.
void say_from_handler(const char* const* texts, unsigned count);

} // namespace sporehost
