#include "core/plugin/safe_read.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "core/system/own_memory.hpp"

namespace sporehost::plugin {
namespace {

constexpr size_t kPage = 4096; // the smallest there is; larger pages are multiples

} // namespace

bool copy_in(const void* from, void* to, size_t bytes) {
  if (from == nullptr) return false;
  switch (copy_own_memory(from, to, bytes)) {
    case MemoryCopy::done:
      return true;
    case MemoryCopy::fault:
      return false;
    case MemoryCopy::unavailable:
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
