// The texts and statuses of plugins on their way into the host, made safe at this one place: they may lack their end,
// hold control characters or no UTF-8, or say what no rule knows. All [any].
#pragma once

#include <sporehost/plugin.hpp>
#include <sporehost/result.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace sporehost {

// What a plugin wrote into a buffer of ours, whatever length it claims; `printable`.
[[nodiscard]] std::string text_of(const spore_text& text, const char* buffer, size_t capacity);

// Room for a text that a plugin writes: `exit.text = room.text()` before the call, `room.read(exit.text)` after it.
template <size_t Bytes>
class TextRoom {
 public:
  [[nodiscard]] spore_text text() { return buffer_[0] = '\0', spore_text{buffer_, Bytes, 0}; }
  [[nodiscard]] std::string read(const spore_text& text) const { return text_of(text, buffer_, Bytes); }

 private:
  char buffer_[Bytes]; // NOLINT(modernize-avoid-c-arrays): not zeroed: what was not written ends at the first NUL
};

// Outcome of the call of a plugin's `function` ("plan"): its own sentence, or the one that says which rule it broke by
// giving none, or a status that is none (SDK-8).
[[nodiscard]] spore::Result<void> outcome_of(std::string_view function, spore_status status,
                                             const spore::ErrorText& error);

// What is wrong with a plugin whose `function` did not leave alone what is not its own in the struct that it filled.
[[nodiscard]] spore::Error broken_fill(std::string_view function);

} // namespace sporehost
