#include "core/base/foreign_text.hpp"

#include <algorithm>

#include "core/base/text.hpp"

namespace sporehost {

std::string text_of(const spore_text& text, const char* buffer, size_t capacity) {
  const std::string_view written(buffer, static_cast<size_t>(std::min<uint64_t>(text.length, capacity)));
  return printable(written.substr(0, written.find('\0')));
}

// A status that this host does not know is a later version's, or none: a failure like any other, and passed on as it is
// (SDK-27).
spore::Result<void> outcome_of(std::string_view function, spore_status status, const spore::ErrorText& error) {
  if (status == SPORE_OK) return {};
  std::string text = printable(error.text());
  if (text.empty()) text = std::string(function) + " failed and gave no reason (SDK-8)";
  if (status > SPORE_OK && status <= SPORE_E_TIMEOUT) return spore::fail(status, std::move(text));
  return spore::fail(status, std::string(function) + " returned status " + std::to_string(status) +
                                 ", which this host does not know (SDK-27): " + text);
}

spore::Error broken_fill(std::string_view function) {
  return spore::fail(SPORE_E_INVALID,
                     std::string(function) + " changed the size of its struct, or set what is reserved (SDK-26)");
}

} // namespace sporehost
