// The command line: which command, which options, what is left over. Options are Poco's; every one is listed in
// options.cpp, which is also where --help comes from.
#pragma once

#include <sporehost/result.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sporehost::app {

// One command of the program: `sporehost NAME ...`; the empty name is a run.
struct Command {
  const char* name;
  const char* arguments;            // for the usage line
  const char* summary;              // empty: hidden, for the program itself
  std::vector<const char*> options; // long names, in the order of --help
  int (*run)(const struct Arguments& arguments);
};

struct Arguments {
  const Command* command = nullptr;
  std::map<std::string, std::vector<std::string>> options; // long name -> values; a flag has one empty value
  std::vector<std::string> rest;                           // words that are no option
  std::vector<std::string> workload;                       // what follows "--"

  [[nodiscard]] bool has(const std::string& name) const { return options.contains(name); }
  [[nodiscard]] std::optional<std::string> value(const std::string& name) const {
    const auto found = options.find(name);
    return found == options.end() ? std::nullopt : std::optional(found->second.back());
  }
  [[nodiscard]] std::vector<std::string> values(const std::string& name) const {
    const auto found = options.find(name);
    return found == options.end() ? std::vector<std::string>{} : found->second;
  }
};

// Finds the command and reads its options. Errors name the word that is wrong and what is near to it.
spore::Result<Arguments> parse_arguments(const std::vector<std::string>& words, const std::vector<Command>& commands);

// The text of `sporehost --help`, and of `sporehost COMMAND --help`.
[[nodiscard]] std::string general_help(const std::vector<Command>& commands);
[[nodiscard]] std::string command_help(const Command& command);
// The text of `sporehost plugin --help`: the commands that begin with that word.
[[nodiscard]] std::string group_help(const std::string& word, const std::vector<Command>& commands);

} // namespace sporehost::app
