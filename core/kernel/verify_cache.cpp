#include "core/kernel/verify_cache.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <ctime>

#include "core/kernel/files.hpp"
#include "core/kernel/sha256.hpp"
#include "core/system/file_times.hpp"

namespace sporehost::kernel {

namespace fs = std::filesystem;
using spore::Result;

namespace {

constexpr time_t kSettled = 2; // seconds; above the granularity of any ctime clock

std::string nanoseconds(const timespec& time) {
  return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
}

std::string identity(const struct stat& status) {
  return std::to_string(status.st_dev) + " " + std::to_string(status.st_ino) + " " + std::to_string(status.st_size) +
         " " + nanoseconds(modified_at(status)) + " " + nanoseconds(status_changed_at(status));
}

} // namespace

Result<std::string> stamped_sha256(const fs::path& file, const fs::path& stamps) {
  struct stat before {
  }, after{};
  if (::stat(file.c_str(), &before) != 0) return file_error("read", file, errno);
  std::error_code ignored;
  const fs::path stamp = stamps / sha256(fs::absolute(file, ignored).string()).substr(0, 32);
  const std::string known = first_line(stamp);
  if (known.size() > 65 && known.substr(65) == identity(before) && is_sha256(known.substr(0, 64)))
    return known.substr(0, 64);
  SPORE_TRY(std::string digest, sha256_file(file));
  const bool unchanged = ::stat(file.c_str(), &after) == 0 && identity(before) == identity(after);
  if (unchanged && ::time(nullptr) - status_changed_at(after).tv_sec > kSettled && make_folders(stamps).ok())
    // A cache that cannot be written costs time, not correctness.
    (void)replace_file(stamp, digest + " " + identity(after) + "\n").ok();
  return digest;
}

} // namespace sporehost::kernel
