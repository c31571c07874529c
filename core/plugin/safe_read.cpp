#include "core/plugin/safe_read.hpp"

#include <cstring>
#include <utility>

#include "core/system/own_memory.hpp"

namespace sporehost::plugin {

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

Text copy_text_in(spore_string from, size_t longest) {
  if (from.data == nullptr) return {TextState::Null, {}};
  if (from.length > longest) return {TextState::TooLong, {}};
  std::string value(static_cast<size_t>(from.length), '\0');
  if (!value.empty() && !copy_in(from.data, value.data(), value.size())) return {TextState::Unreadable, {}};
  return {TextState::Ok, std::move(value)};
}

} // namespace sporehost::plugin
