#include "core/loader/image_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace sporehost::loader {

namespace {

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

} // namespace

spore::Result<ImageFile> ImageFile::open(const std::string& path, const std::string& role) {
  ImageFile image;
  image.path_ = path;
  image.name_ = role + " '" + path + "'";
  // O_NONBLOCK: a FIFO named by mistake must not hang us before fstat can tell what it is.
  image.fd_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!image.fd_) return open_error(image.name_, errno);

  struct stat info {};
  if (::fstat(image.fd_.get(), &info) != 0) return open_error(image.name_, errno);
  if (S_ISDIR(info.st_mode)) return spore::fail(SPORE_E_INVALID, image.name_ + ": is a directory; name the file in it");
  if (!S_ISREG(info.st_mode)) return spore::fail(SPORE_E_INVALID, image.name_ + ": is not a regular file");
  if (info.st_size == 0) return spore::fail(SPORE_E_INVALID, image.name_ + ": is empty; fetch or build it again");

  const auto size = static_cast<size_t>(info.st_size);
  image.mapping_ = Mapping(::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, image.fd_.get(), 0), size);
  if (!image.mapping_) {
    return spore::fail(SPORE_E_IO,
                       image.name_ + ": cannot map its " + std::to_string(size) + " bytes: " + std::strerror(errno));
  }
  return image;
}

std::optional<uint64_t> ImageFile::offset_of(Bytes part) const {
  const auto begin = reinterpret_cast<uintptr_t>(mapping_.data());
  const auto address = reinterpret_cast<uintptr_t>(part.data());
  if (!mapping_ || address < begin || !contains(bytes(), address - begin, part.size())) return std::nullopt;
  return address - begin;
}

} // namespace sporehost::loader
