#include "core/system/anonymous_file.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>

namespace sporehost::portable {

UniqueFd make_anonymous_file(const char* name) {
  const char* folder = ::getenv("TMPDIR");
  std::string path = std::string(folder != nullptr && *folder != '\0' ? folder : "/tmp") + "/" + name + "-XXXXXX";
  UniqueFd fd(::mkstemp(path.data()));
  if (!fd) return {};
  ::unlink(path.c_str());
  if (::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) return {};
  return fd;
}

} // namespace sporehost::portable
