#include "core/plugin/shared_object.hpp"

#include "core/base/unique_fd.hpp"
#include "core/system/object_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace sporehost::plugin {
namespace {

LoadFailure failure_of(const ObjectFault& fault) {
  switch (fault.kind) {
    case ObjectFault::Kind::truncated:
      return {LoadState::Truncated, fault.text};
    case ObjectFault::Kind::wrong_architecture:
      return {LoadState::WrongArchitecture, fault.text, 3};
    case ObjectFault::Kind::not_an_object:
      break;
  }
  return {LoadState::NotElf, fault.text};
}

} // namespace

std::optional<LoadFailure> check_shared_object(const std::filesystem::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    const bool absent = errno == ENOENT || errno == ENOTDIR;
    return LoadFailure{absent ? LoadState::NotFound : LoadState::NotReadable,
                       std::string("cannot be opened: ") + std::strerror(errno)};
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return LoadFailure{LoadState::NotReadable, "is not a regular file"};
  }
  const auto fault = check_object_file(fd.get(), static_cast<uint64_t>(status.st_size));
  return fault ? std::optional(failure_of(*fault)) : std::nullopt;
}

} // namespace sporehost::plugin
