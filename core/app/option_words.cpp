#include "core/app/option_words.hpp"

#include <utility>
#include <vector>

#include "core/base/text.hpp"

namespace sporehost::app {

using spore::fail;
using spore::Result;

namespace {

constexpr size_t kTextColumn = 34;

bool is_long(std::string_view word) {
  return word.starts_with("--");
}

spore::Error unknown(const std::string& stem, std::span<const Option> options, const std::string& where) {
  std::vector<std::string> names;
  names.reserve(options.size());
  for (const Option& option : options) names.push_back(std::string("--") + option.name);
  return fail(SPORE_E_INVALID, "unknown option " + quote(stem) + where + did_you_mean(stem, names));
}

// A whole name wins over longer ones that begin with it.
Result<const Option*> find_long(const std::string& stem, std::span<const Option> options, const std::string& where) {
  const std::string_view name = std::string_view(stem).substr(2);
  const Option* found = nullptr;
  bool several = false;
  for (const Option& option : options) {
    if (name == option.name) return &option;
    if (!std::string_view(option.name).starts_with(name)) continue;
    several = found != nullptr;
    found = &option;
  }
  if (several) return fail(SPORE_E_INVALID, "option " + quote(stem) + where + " can be more than one; write it out");
  if (found == nullptr) return unknown(stem, options, where);
  return found;
}

Result<const Option*> find_letter(const std::string& stem, std::span<const Option> options, const std::string& where) {
  for (const Option& option : options)
    if (option.letter == stem[1]) return &option;
  return unknown(stem, options, where);
}

} // namespace

std::string option_stem(std::string_view word) {
  return std::string(is_long(word) ? word.substr(0, word.find('=')) : word.substr(0, 2));
}

Result<OptionWord> read_option_word(std::string_view word, std::span<const Option> options, const std::string& where) {
  const std::string stem = option_stem(word);
  SPORE_TRY(const Option* option, is_long(word) ? find_long(stem, options, where) : find_letter(stem, options, where));
  if (stem.size() == word.size()) return OptionWord{option, std::nullopt};
  if (!option->takes_value()) return fail(SPORE_E_INVALID, "option " + quote(stem) + where + " takes no value");
  return OptionWord{option, std::string(word.substr(stem.size() + (is_long(word) ? 1 : 0)))};
}

std::string describe_options(std::span<const Option> options) {
  std::string text;
  for (const Option& option : options) {
    std::string line = option.letter != 0 ? std::string("    -") + option.letter + ", " : std::string(8, ' ');
    line += std::string("--") + option.name;
    if (option.takes_value()) line += std::string(" ") + option.argument;
    // What is too wide for its column has the text on the next line.
    if (line.size() + 2 > kTextColumn) text += std::exchange(line, "") + "\n";
    text += line + std::string(kTextColumn - line.size(), ' ') + option.text + "\n";
  }
  return text;
}

} // namespace sporehost::app
