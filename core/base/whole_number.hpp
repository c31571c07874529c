// Reading a number that takes up the whole of a text. Pure; [any].
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace sporehost {

// `text` as an Integer in `base`: digits alone (and "-" where Integer has a sign), nothing before or behind them.
// Nothing where it is something else, or does not fit.
template <typename Integer>
[[nodiscard]] std::optional<Integer> whole_number(std::string_view text, int base = 10) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

} // namespace sporehost
