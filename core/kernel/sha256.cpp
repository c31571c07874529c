#include "core/kernel/sha256.hpp"

#include <Poco/SHA2Engine.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/base/unique_fd.hpp"
#include "core/kernel/files.hpp"

namespace sporehost::kernel {

using spore::Result;

namespace {

std::string finish(Poco::SHA2Engine& engine) {
  return Poco::DigestEngine::digestToHex(engine.digest());
}

} // namespace

std::string sha256(std::string_view bytes) {
  Poco::SHA2Engine engine(Poco::SHA2Engine::SHA_256);
  engine.update(bytes.data(), bytes.size());
  return finish(engine);
}

Result<std::string> sha256_file(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return file_error("read", path, errno);
  Poco::SHA2Engine engine(Poco::SHA2Engine::SHA_256);
  std::vector<char> buffer(size_t{1} << 18);
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("read", path, errno);
    if (count == 0) return finish(engine);
    engine.update(buffer.data(), static_cast<size_t>(count));
  }
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

} // namespace sporehost::kernel
