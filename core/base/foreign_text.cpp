#include "core/base/foreign_text.hpp"

#include <cstring>

#include "core/base/text.hpp"

namespace sporehost {

std::string field_text(const char* field, size_t bytes) {
  return printable(std::string_view(field, ::strnlen(field, bytes)));
}

spore::Result<void> outcome_of(std::string_view function, spore_status status, const spore_error& error) {
  if (status == SPORE_OK) return {};
  std::string text = field_text(error.text);
  if (text.empty()) text = std::string(function) + " failed and gave no reason (SDK-8)";
  if (status > SPORE_OK && status <= SPORE_E_TIMEOUT) return spore::fail(status, std::move(text));
  return spore::fail(SPORE_E_INTERNAL, std::string(function) + " returned the unknown status " +
                                           std::to_string(status) + " (SDK-8): " + text);
}

} // namespace sporehost
