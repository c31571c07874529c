// How an option is spelled on the command line, in the manner of getopt_long: --name VALUE, --name=VALUE, -n VALUE,
// -nVALUE, and a beginning of a name that fits no other.
#pragma once

#include <sporehost/result.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sporehost::app {

struct Option {
  const char* name;
  char letter;          // 0: none
  const char* argument; // what --help calls its value; empty: it takes none
  const char* text;
  bool repeatable = false;

  [[nodiscard]] bool takes_value() const { return *argument != '\0'; }
};

struct OptionWord {
  const Option* option = nullptr;
  std::optional<std::string> value; // where the word itself carries one
};

// Whether a word is meant as an option; a dash alone is a file name, standard input.
[[nodiscard]] inline bool is_option_word(std::string_view word) {
  return word.size() > 1 && word.starts_with('-');
}

// The option as its user wrote it, without a value: "--memory" of "--memory=2GiB".
[[nodiscard]] std::string option_stem(std::string_view word);

// Which of `options` a word is. Errors name the stem and end with `where`, such as " of 'sporehost plan'".
[[nodiscard]] spore::Result<OptionWord> read_option_word(std::string_view word, std::span<const Option> options,
                                                         const std::string& where);

// The lines of --help.
[[nodiscard]] std::string describe_options(std::span<const Option> options);

} // namespace sporehost::app
