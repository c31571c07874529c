// The texts and statuses of plugins on their way into the host, made safe at this one place: they may lack their end,
// hold control characters or no UTF-8, or say what no rule knows. All [any].
#pragma once

#include <sporehost/abi.h>
#include <sporehost/result.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace sporehost {

// What stands in a field of fixed length, up to its NUL or its end; `printable`.
[[nodiscard]] std::string field_text(const char* field, size_t bytes);

template <size_t Bytes>
[[nodiscard]] std::string field_text(const char (&field)[Bytes]) {
  return field_text(field, Bytes);
}

// Makes the field itself what field_text would give, NUL-terminated.
template <size_t Bytes>
void clean_field(char (&field)[Bytes]) {
  const std::string text = field_text(field, Bytes);
  const size_t length = text.copy(field, Bytes - 1);
  field[length] = '\0';
}

// Outcome of the call of a plugin's `function` ("plan"): its own sentence, or the one that says which rule it broke by
// giving none, or a status that is none (SDK-8).
[[nodiscard]] spore::Result<void> outcome_of(std::string_view function, spore_status status, const spore_error& error);

} // namespace sporehost
