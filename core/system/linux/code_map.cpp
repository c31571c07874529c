// The executable mappings of files, as /proc/self/maps has them. Signal handlers read it: no allocation, no lock, no
// library that has any.
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/system/process.hpp"

namespace sporehost {
namespace {

const char* read_hex(const char* at, uintptr_t& value) {
  value = 0;
  for (;; ++at) {
    const int digit = *at >= '0' && *at <= '9' ? *at - '0' : *at >= 'a' && *at <= 'f' ? *at - 'a' + 10 : -1;
    if (digit < 0) return at;
    value = value * 16 + static_cast<uintptr_t>(digit);
  }
}

void read_line(const char* line, const char* own_path, TakeCode take) {
  uintptr_t start = 0, end = 0;
  const char* at = read_hex(line, start);
  if (*at != '-') return;
  at = read_hex(at + 1, end);
  const char* path = ::strchr(at, '/');
  if (::strlen(at) < 4 || at[3] != 'x' || path == nullptr) return;
  take(start, end, path, ::strcmp(path, own_path) == 0);
}

} // namespace

void for_each_code_range(TakeCode take) {
  static char own_path[4096], buffer[8192];
  const ssize_t own = ::readlink("/proc/self/exe", own_path, sizeof own_path - 1);
  own_path[own > 0 ? own : 0] = '\0';
  const int fd = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  size_t held = 0;
  for (ssize_t count = 0; fd >= 0 && (count = ::read(fd, buffer + held, sizeof buffer - 1 - held)) > 0;) {
    held += static_cast<size_t>(count);
    buffer[held] = '\0';
    char* line = buffer;
    for (char* end = nullptr; (end = ::strchr(line, '\n')) != nullptr; line = end + 1) {
      *end = '\0';
      read_line(line, own_path, take);
    }
    held = static_cast<size_t>(buffer + held - line);
    ::memmove(buffer, line, held);
    if (held == sizeof buffer - 1) held = 0; // a line that long is none
  }
  if (fd >= 0) ::close(fd);
}

} // namespace sporehost
