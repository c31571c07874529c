#include "core/plugin/safe_read.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#ifdef __linux__
#include <sys/uio.h>
#include <unistd.h>
#endif

namespace sporehost::plugin {
namespace {

constexpr size_t kPage = 4096; // the smallest there is; larger pages are multiples

enum class Copied { Yes, Fault, Unavailable };

Copied copy_by_kernel(const void* from, void* to, size_t bytes) {
#ifdef __linux__
  const iovec local{to, bytes};
  const iovec remote{const_cast<void*>(from), bytes};
  const ssize_t count = ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0);
  if (count == static_cast<ssize_t>(bytes)) return Copied::Yes;
  return count < 0 && (errno == ENOSYS || errno == EPERM) ? Copied::Unavailable : Copied::Fault;
#else
  (void)from, (void)to, (void)bytes;
  return Copied::Unavailable;
#endif
}

} // namespace

bool copy_in(const void* from, void* to, size_t bytes) {
  if (from == nullptr) return false;
  switch (copy_by_kernel(from, to, bytes)) {
    case Copied::Yes:
      return true;
    case Copied::Fault:
      return false;
    case Copied::Unavailable:
      break;
  }
  std::memcpy(to, from, bytes);
  return true;
}

Text copy_text_in(const char* from, size_t longest) {
  if (from == nullptr) return {TextState::Null, {}};
  std::string value;
  std::array<char, kPage> page;
  while (value.size() <= longest) {
    const uintptr_t at = reinterpret_cast<uintptr_t>(from) + value.size();
    const size_t bytes = std::min(kPage - at % kPage, longest + 1 - value.size());
    if (bytes == 0) break;
    // An address to try, not one that is known to be good.
    if (!copy_in(reinterpret_cast<const void*>(at), page.data(), bytes)) // NOLINT(performance-no-int-to-ptr)
      return {TextState::Unreadable, {}};
    const size_t length = ::strnlen(page.data(), bytes);
    value.append(page.data(), length);
    if (length < bytes) return {TextState::Ok, std::move(value)};
  }
  return {TextState::TooLong, {}};
}

} // namespace sporehost::plugin
