#include "core/loader/image_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/system/file_times.hpp"

namespace sporehost::loader {

namespace {

// The largest file of which a copy is made: a disk image named by mistake must not fill the host's memory.
constexpr size_t kCopyMost = size_t{1} << 30;

spore::Error open_error(const std::string& name, int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return spore::fail(SPORE_E_NOT_FOUND, name + ": no such file; check the path in the configuration");
    case EACCES:
    case EPERM:
      return spore::fail(SPORE_E_PERMISSION, name + ": permission denied; make the file readable for this user");
    default:
      return spore::fail(SPORE_E_IO, name + ": cannot open: " + std::strerror(error));
  }
}

bool same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

} // namespace

spore::Result<ImageFile> ImageFile::open(const std::string& path, const std::string& role, FileOwner owner) {
  ImageFile image;
  image.path_ = path;
  image.name_ = role + " '" + path + "'";
  // O_NONBLOCK: a FIFO named by mistake must not hang us before fstat can tell what it is.
  image.fd_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!image.fd_) return open_error(image.name_, errno);

  struct stat& info = image.opened_;
  if (::fstat(image.fd_.get(), &info) != 0) return open_error(image.name_, errno);
  if (S_ISDIR(info.st_mode)) return spore::fail(SPORE_E_INVALID, image.name_ + ": is a directory; name the file in it");
  if (!S_ISREG(info.st_mode)) return spore::fail(SPORE_E_INVALID, image.name_ + ": is not a regular file");
  if (info.st_size == 0) return spore::fail(SPORE_E_INVALID, image.name_ + ": is empty; fetch or build it again");
  SPORE_CHECK(owner == FileOwner::project ? image.map_whole() : image.read_whole());
  return image;
}

spore::Result<void> ImageFile::map_whole() {
  const auto size = static_cast<size_t>(opened_.st_size);
  mapping_ = Mapping(::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd_.get(), 0), size);
  mapped_ = true;
  if (mapping_) return {};
  return spore::fail(SPORE_E_IO,
                     name_ + ": cannot map its " + std::to_string(size) + " bytes: " + std::strerror(errno));
}

// The whole file, or an error where it changes meanwhile: half of the old and half of the new one is no image.
spore::Result<void> ImageFile::read_whole() {
  const auto size = static_cast<size_t>(opened_.st_size);
  if (size > kCopyMost)
    return spore::fail(SPORE_E_RANGE, name_ + ": has " + std::to_string(size >> 20) + " MiB, and none has more than " +
                                          std::to_string(kCopyMost >> 20) + "; check the path");
  mapping_ = Mapping(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), size);
  if (!mapping_)
    return spore::fail(SPORE_E_NO_MEMORY,
                       name_ + ": no memory for its " + std::to_string(size) + " bytes: " + std::strerror(errno));
  for (size_t done = 0; done < size;) {
    const ssize_t count = ::pread(fd_.get(), mapping_.data() + done, size - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return spore::fail(SPORE_E_IO, name_ + ": cannot read it: " + std::strerror(errno));
    if (count == 0) break; // it has become shorter
    done += static_cast<size_t>(count);
  }
  return check_unchanged();
}

spore::Result<void> ImageFile::check_unchanged() const {
  struct stat now {};
  if (::fstat(fd_.get(), &now) != 0) return open_error(name_, errno);
  if (now.st_size == opened_.st_size && same(modified_at(now), modified_at(opened_))) return {};
  return spore::fail(SPORE_E_IO, name_ + ": changed while it was read; start again when it is complete");
}

std::optional<uint64_t> ImageFile::offset_of(Bytes part) const {
  const auto begin = reinterpret_cast<uintptr_t>(mapping_.data());
  const auto address = reinterpret_cast<uintptr_t>(part.data());
  if (!mapped_ || !mapping_ || address < begin || !contains(bytes(), address - begin, part.size())) return std::nullopt;
  return address - begin;
}

} // namespace sporehost::loader
