#include "core/kernel/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/base/unique_fd.hpp"

namespace sporehost::kernel {

namespace fs = std::filesystem;
using spore::fail;
using spore::Result;

spore::Error file_error(std::string_view action, const fs::path& path, int code) {
  spore_status status = SPORE_E_IO;
  if (code == ENOENT || code == ENOTDIR) status = SPORE_E_NOT_FOUND;
  if (code == EACCES || code == EPERM || code == EROFS) status = SPORE_E_PERMISSION;
  return fail(status, "cannot " + std::string(action) + " '" + path.string() + "': " + std::strerror(code));
}

Result<std::string> read_file(const fs::path& path, size_t most) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return file_error("read", path, errno);
  std::string content;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("read", path, errno);
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<size_t>(count));
    if (content.size() > most)
      return fail(SPORE_E_RANGE, "'" + path.string() + "' is longer than " + std::to_string(most) + " bytes");
  }
}

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Result<void> write_file(const fs::path& path, std::string_view content) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return file_error("write", path, errno);
  while (!content.empty()) {
    const ssize_t count = ::write(fd.get(), content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("write", path, errno);
    content.remove_prefix(static_cast<size_t>(count));
  }
  if (::fsync(fd.get()) != 0) return file_error("write", path, errno);
  return {};
}

Result<void> replace_file(const fs::path& path, std::string_view content) {
  const fs::path beside = path.string() + ".new." + std::to_string(::getpid());
  SPORE_CHECK(write_file(beside, content));
  if (::rename(beside.c_str(), path.c_str()) == 0) return {};
  const int code = errno;
  ::unlink(beside.c_str());
  return file_error("replace", path, code);
}

Result<void> sync_path(const fs::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return file_error("open", path, errno);
  if (::fsync(fd.get()) != 0) return file_error("write", path, errno);
  return {};
}

Result<void> make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return file_error("make the folder", path, error.value());
  return {};
}

} // namespace sporehost::kernel
