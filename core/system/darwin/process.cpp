#include "core/system/process.hpp"

#include <libproc.h>
#include <limits.h>
#include <mach-o/dyld.h>
#include <mach-o/loader.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/event.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include <array>
#include <string>

namespace sporehost {

namespace fs = std::filesystem;

fs::path executable_path() {
  std::array<char, PATH_MAX> given{}, real{};
  auto bytes = static_cast<uint32_t>(given.size());
  if (::_NSGetExecutablePath(given.data(), &bytes) != 0) return {};
  return ::realpath(given.data(), real.data()) != nullptr ? real.data() : given.data();
}

fs::path program_to_start_again() {
  return executable_path();
}

size_t count_threads() {
  proc_taskinfo info{};
  const int bytes = ::proc_pidinfo(::getpid(), PROC_PIDTASKINFO, 0, &info, sizeof info);
  return bytes == static_cast<int>(sizeof info) ? static_cast<size_t>(info.pti_threadnum) : 0;
}

void name_thread(const char* name) {
  ::pthread_setname_np(name);
}

// There is no such thing here. A child whose parent is gone ends with the first answer that it writes.
void die_with_parent() {}

UniqueFd end_of_process(int pid) {
  UniqueFd queue(::kqueue());
  struct kevent ends {};
  EV_SET(&ends, static_cast<uintptr_t>(pid), EVFILT_PROC, EV_ADD | EV_ONESHOT, NOTE_EXIT, 0, nullptr);
  if (!queue || ::kevent(queue.get(), &ends, 1, nullptr, 0, nullptr) != 0) return {};
  return queue;
}

bool call_at_exit(void (*function)()) {
  return ::atexit(function) == 0;
}

// /dev/fd gives the same open file again, and not to block would be everybody's.
UniqueFd reopen_non_blocking(int /*fd*/) {
  return {};
}

Interrupted interrupted_at(const void* signal_context) {
  const auto& state = static_cast<const ucontext_t*>(signal_context)->uc_mcontext->__ss;
#if defined(__arm64__)
  return {static_cast<uintptr_t>(state.__pc), static_cast<uintptr_t>(state.__sp)};
#else
  return {static_cast<uintptr_t>(state.__rip), static_cast<uintptr_t>(state.__rsp)};
#endif
}

namespace {

void tell_code(const mach_header* image, intptr_t slide, const char* path, bool program, TakeCode take) {
  const auto* header = reinterpret_cast<const mach_header_64*>(image);
  const auto* at = reinterpret_cast<const char*>(header + 1);
  for (uint32_t i = 0; i < header->ncmds; ++i) {
    const auto* command = reinterpret_cast<const load_command*>(at);
    if (command->cmd == LC_SEGMENT_64) {
      const auto* segment = reinterpret_cast<const segment_command_64*>(command);
      const auto start = static_cast<uintptr_t>(segment->vmaddr) + static_cast<uintptr_t>(slide);
      if (segment->initprot & VM_PROT_EXECUTE) take(start, start + segment->vmsize, path, program);
    }
    at += command->cmdsize;
  }
}

} // namespace

void for_each_code_range(TakeCode take) {
  const uint32_t count = ::_dyld_image_count();
  for (uint32_t i = 0; i < count; ++i) {
    const mach_header* image = ::_dyld_get_image_header(i);
    const char* path = ::_dyld_get_image_name(i);
    if (image == nullptr || path == nullptr) continue;
    tell_code(image, ::_dyld_get_image_vmaddr_slide(i), path, image->filetype == MH_EXECUTE, take);
  }
}

} // namespace sporehost
