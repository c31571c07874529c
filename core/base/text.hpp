// Small helpers for messages that quote what somebody else wrote.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace sporehost {

// `text` in single quotes, fit for one line of a terminal: control characters, marks that turn the
// direction of writing and bytes that are no UTF-8 become `?`, and what is longer than 60 bytes is cut (never inside a
// UTF-8 character) and ends in `...`. [any]
[[nodiscard]] std::string quote(std::string_view text);

// What somebody who is not trusted wrote (a guest, a plugin), fit for one line of a log, a terminal or a JSON text:
// tabs and line breaks become blanks; other control characters, marks that turn the direction of writing and bytes that
// are no UTF-8 become `?`. A character that is cut off at the end is left out. [any]
[[nodiscard]] std::string printable(std::string_view text);

// `text` cut to at most `most` bytes, never inside a UTF-8 character. [any]
[[nodiscard]] std::string_view cut_text(std::string_view text, size_t most);

// The candidate nearest to `word` by edit distance (case ignored; a swap of two neighbours counts one), or an empty
// string where none is near enough to be a likely typing mistake. [any]
[[nodiscard]] std::string closest_match(std::string_view word, std::span<const std::string> candidates);

// ` (did you mean 'x'?)`, or an empty string: appended to a message about an unknown word. [any]
[[nodiscard]] std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

// "a, b or c". [any]
[[nodiscard]] std::string join_or(std::span<const std::string> words);

} // namespace sporehost
