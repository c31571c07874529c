#include "tools/managed-kernel/cache_writer.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "core/kernel/files.hpp"

namespace sporehost::kernel::supply {

namespace fs = std::filesystem;
using spore::fail;
using spore::Result;

namespace {

constexpr auto kBetweenTries = std::chrono::milliseconds(50);

spore::Error with_remedy(const spore::Error& error) {
  return fail(error.status, error.text + "; make the cache writable, or name another one with SPOREHOST_CACHE");
}

} // namespace

Result<UniqueFd> CacheWriter::lock(const std::string& key, std::chrono::milliseconds patience,
                                   Progress& progress) const {
  if (auto made = make_folders(cache_.folder()); !made) return with_remedy(made.error());
  const fs::path path = cache_.folder() / (".lock-" + key);
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return with_remedy(file_error("write", path, errno));
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (bool first = true;; first = false) {
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
    if (errno != EWOULDBLOCK && errno != EINTR) return file_error("lock", path, errno);
    if (first) progress.step("another resolver works on the same kernel; waiting for it");
    if (std::chrono::steady_clock::now() > deadline)
      return fail(SPORE_E_BUSY, "another resolver has held '" + path.string() + "' for " +
                                    std::to_string(patience.count() / 1000) + " s; find out what it waits for");
    std::this_thread::sleep_for(kBetweenTries);
  }
}

Result<fs::path> CacheWriter::open_partial(const std::string& key) const {
  fs::path path = partial(key);
  if (auto made = make_folders(path); !made) return with_remedy(made.error());
  return path;
}

Result<void> CacheWriter::publish(const std::string& key) const {
  const fs::path from = partial(key), to = cache_.entry(key);
  std::error_code error;
  fs::directory_iterator at(from, error);
  for (const fs::directory_iterator end; !error && at != end; at.increment(error)) {
    std::error_code unknown;
    if (at->is_symlink(unknown)) continue;
    SPORE_CHECK(sync_path(at->path()));
    if (::chmod(at->path().c_str(), 0444) != 0) return file_error("protect", at->path(), errno);
  }
  if (error) return file_error("read", from, error.value());
  SPORE_CHECK(sync_path(from));
  if (fs::exists(to, error)) SPORE_CHECK(discard(key));
  fs::rename(from, to, error);
  if (error) return file_error("rename", from, error.value());
  return sync_path(cache_.folder());
}

Result<void> CacheWriter::discard(const std::string& key) const {
  // First out of the way in one step, so that nobody finds half of it.
  const fs::path aside = cache_.folder() / (".bad-" + key + "-" + std::to_string(::getpid()));
  std::error_code error;
  fs::rename(cache_.entry(key), aside, error);
  if (error == std::errc::no_such_file_or_directory) return {};
  if (error) return with_remedy(file_error("remove", cache_.entry(key), error.value()));
  fs::remove_all(aside, error);
  return {};
}

} // namespace sporehost::kernel::supply
