#include "core/system/notifier.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "core/system/pipe.hpp"

namespace sporehost {

void Notifier::notify() const {
  const int before = errno;
  const uint64_t one = 1;
  (void)!::write(write_fd(), &one, sizeof one); // a full pipe has said it often enough
  errno = before;
}

void Notifier::clear() const {
  std::array<uint64_t, 64> said{};
  while (::read(read_.get(), said.data(), sizeof said) == static_cast<ssize_t>(sizeof said)) {
  }
}

std::optional<Notifier> portable::make_notifier() {
  auto pipe = portable::make_pipe(PipeMode::non_blocking);
  if (!pipe) return std::nullopt;
  return Notifier(std::move(pipe->read), std::move(pipe->write));
}

} // namespace sporehost
