#include "core/kernel/sha256.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/base/unique_fd.hpp"
#include "core/kernel/files.hpp"
#include "core/kernel/sha256_digest.hpp"

namespace sporehost::kernel {

using spore::Result;

std::string sha256(std::string_view bytes) {
  Sha256Digest digest;
  digest.update(bytes);
  return digest.finish();
}

Result<std::string> sha256_file(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return file_error("read", path, errno);
  Sha256Digest digest;
  std::vector<char> buffer(size_t{1} << 18);
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("read", path, errno);
    if (count == 0) return digest.finish();
    digest.update({buffer.data(), static_cast<size_t>(count)});
  }
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

} // namespace sporehost::kernel
