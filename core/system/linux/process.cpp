#include "core/system/process.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <system_error>

namespace sporehost {

namespace fs = std::filesystem;

fs::path executable_path() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored);
}

fs::path program_to_start_again() {
  return "/proc/self/exe";
}

size_t count_threads() {
  std::error_code ignored;
  size_t count = 0;
  for (fs::directory_iterator at("/proc/self/task", ignored), none; !ignored && at != none; at.increment(ignored))
    ++count;
  return count;
}

void name_thread(const char* name) {
  ::pthread_setname_np(::pthread_self(), name);
}

void die_with_parent() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

UniqueFd end_of_process(int pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

bool call_at_exit(void (*function)()) {
  return std::atexit(function) == 0 && std::at_quick_exit(function) == 0;
}

UniqueFd reopen_non_blocking(int fd) {
  std::array<char, 32> name{"/proc/self/fd/"};
  size_t at = sizeof "/proc/self/fd/" - 1;
  std::array<char, 12> digits{};
  size_t count = 0;
  for (unsigned rest = fd < 0 ? 0 : static_cast<unsigned>(fd); count == 0 || rest != 0; rest /= 10)
    digits[count++] = static_cast<char>('0' + rest % 10);
  while (count > 0) name[at++] = digits[--count];
  return UniqueFd(::open(name.data(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

Interrupted interrupted_at(const void* signal_context) {
  const auto& machine = static_cast<const ucontext_t*>(signal_context)->uc_mcontext;
#if defined(__x86_64__)
  return {static_cast<uintptr_t>(machine.gregs[REG_RIP]), static_cast<uintptr_t>(machine.gregs[REG_RSP])};
#elif defined(__aarch64__)
  return {machine.pc, machine.sp};
#endif
}

} // namespace sporehost
