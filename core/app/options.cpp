#include "core/app/options.hpp"

#include <algorithm>
#include <span>
#include <sstream>
#include <utility>

#include "core/app/option_words.hpp"
#include "core/base/text.hpp"

namespace sporehost::app {
namespace {

using spore::fail;
using spore::Result;

constexpr Option kOptions[] = {
    {"help", 'h', "", "show this text"},
    {"version", 'V', "", "show the version of the program and of the plugin interface"},
    {"config", 'c', "FILE", "the machine description (YAML); - reads it from standard input"},
    {"memory", 'm', "auto|SIZE", "guest memory, such as 512MiB or 16GiB; auto boots small and grows"},
    {"kernel", 'k', "managed|FILE", "the kernel; a file of your own makes memory fixed"},
    {"initrd", 'i', "managed|none|FILE", "the initrd; a file of your own makes memory fixed"},
    {"cpus", 0, "N", "number of vCPUs"},
    {"backend", 'b', "auto|ID", "the hypervisor plugin; `sporehost backend probe` shows them"},
    {"capture", 0, "FILE", "save the machine's state here (memory is fixed then)"},
    {"resume", 0, "FILE", "continue from a saved state (memory is fixed then)"},
    {"console", 0, "auto|none|stdout|stderr|FILE",
     "where the guest's console goes; auto shows it when the initrd is not the managed one"},
    {"plugin-path", 'p', "DIR", "look for plugins here first; may be given several times", true},
    {"json", 'j', "", "report as JSON: a run prints it as the last line of standard output"},
    {"report-file", 0, "FILE", "write the report of a run to FILE instead"},
    {"log", 'l', "LEVEL", "trace, debug, info, warn, error or off; on standard error"},
    {"offline", 0, "", "use nothing that is not on this machine already"},
    {"source", 0, "NAME", "take the managed kernel from this source only"},
    {"arch", 0, "ARCH", "x86_64 or arm64"},
    {"no-measure", 0, "", "do not take the time to measure the backend's speed"},
};

std::vector<Option> options_of(const Command& command) {
  std::vector<Option> options;
  for (const char* name : command.options)
    for (const Option& option : kOptions)
      if (std::string_view(option.name) == name) options.push_back(option);
  return options;
}

// "plugin list" is two words: the longest command name that the first words spell wins.
const Command* find_command(const std::vector<std::string>& words, const std::vector<Command>& commands, size_t& used) {
  const Command* best = nullptr;
  used = 0;
  for (const Command& command : commands) {
    std::istringstream name(command.name);
    std::vector<std::string> parts;
    for (std::string part; name >> part;) parts.push_back(part);
    const bool spelled = parts.size() <= words.size() && std::equal(parts.begin(), parts.end(), words.begin());
    if (spelled && (best == nullptr || parts.size() > used)) {
      best = &command;
      used = parts.size();
    }
  }
  return best;
}

// Of "plugin" alone: "list, inspect or check". Empty for a word that begins no command.
std::string subcommands(const std::string& word, const std::vector<Command>& commands) {
  std::vector<std::string> names;
  for (const Command& command : commands)
    if (std::string(command.name).starts_with(word + " "))
      names.push_back(std::string(command.name).substr(word.size() + 1));
  return names.empty() ? std::string() : join_or(names);
}

std::string usage_line(const Command& command) {
  std::string line = "sporehost";
  for (const char* part : {command.name, command.arguments})
    if (*part != '\0') line += std::string(" ") + part;
  return line;
}

// The value of an option: what its word carries, else the next word, which is taken.
Result<std::string> value_of(const OptionWord& word, std::span<const std::string> words, size_t& i,
                             const std::string& where) {
  if (!word.option->takes_value()) return std::string();
  const bool next = !word.value && i + 1 < words.size();
  const std::string text = next ? words[++i] : word.value.value_or("");
  // Whatever the next word is it would be taken: "--memory --cpus 2" would ask for '--cpus' memory.
  if (!text.empty() && !(next && text.starts_with("--"))) return text;
  return fail(SPORE_E_INVALID,
              std::string("option '--") + word.option->name + "'" + where + " wants a value: " + word.option->argument);
}

// Puts each word where it belongs: options, what is left over, and the workload behind two dashes.
Result<void> sort_words(std::span<const std::string> words, const std::string& where, Arguments& arguments) {
  const std::vector<Option> options = options_of(*arguments.command);
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--") {
      arguments.workload.assign(words.begin() + static_cast<ptrdiff_t>(i) + 1, words.end());
      return {};
    }
    if (!is_option_word(words[i])) {
      arguments.rest.push_back(words[i]);
      continue;
    }
    const std::string stem = option_stem(words[i]);
    SPORE_TRY(const OptionWord word, read_option_word(words[i], options, where));
    if (!word.option->repeatable && arguments.has(word.option->name))
      return fail(SPORE_E_INVALID, "option " + quote(stem) + where + " is given twice; give it once");
    SPORE_TRY(std::string text, value_of(word, words, i, where));
    arguments.options[word.option->name].push_back(std::move(text));
  }
  return {};
}

spore::Error unknown_command(const std::string& word, const std::vector<std::string>& names) {
  std::string text = "unknown command " + quote(word);
  const bool description = word.ends_with(".yaml") || word.ends_with(".yml") || word.ends_with(".json");
  text += description ? "; a machine description is given with --config " + word : did_you_mean(word, names);
  return fail(SPORE_E_INVALID, text + "; a workload's command goes behind --");
}

} // namespace

Result<Arguments> parse_arguments(const std::vector<std::string>& words, const std::vector<Command>& commands) {
  Arguments arguments;
  size_t used = 0;
  arguments.command = find_command(words, commands, used);
  const std::string where = used == 0 ? "" : " of 'sporehost " + std::string(arguments.command->name) + "'";
  SPORE_CHECK(sort_words(std::span(words).subspan(used), where, arguments));
  if (*arguments.command->arguments == '\0' || used == 0) {
    std::vector<std::string> names;
    names.reserve(commands.size());
    for (const Command& command : commands)
      if (*command.summary != '\0') names.emplace_back(command.name);
    if (arguments.rest.empty()) return arguments;
    if (used > 0)
      return fail(SPORE_E_INVALID, "'sporehost " + std::string(arguments.command->name) +
                                       "' takes no more words, and " + quote(arguments.rest.front()) + " is one");
    size_t late = 0;
    if (const Command* command = find_command(arguments.rest, commands, late); late > 0)
      return fail(SPORE_E_INVALID, "the command comes before its options: sporehost " + std::string(command->name) +
                                       " ...; a workload's command goes behind --");
    const std::string more = subcommands(arguments.rest.front(), commands);
    if (!more.empty() && arguments.rest.size() == 1 && arguments.has("help")) return arguments;
    if (!more.empty())
      return fail(SPORE_E_INVALID, "'sporehost " + arguments.rest.front() + "' wants one more word: " + more);
    return unknown_command(arguments.rest.front(), names);
  }
  // A command whose usage has options only: the second machine description of two would go unread.
  if (std::string_view(arguments.command->arguments).starts_with("--") && !arguments.rest.empty())
    return fail(SPORE_E_INVALID, "'sporehost " + std::string(arguments.command->name) + "' takes no more words, and " +
                                     quote(arguments.rest.front()) + " is one; it looks at one machine description, " +
                                     "that of --config");
  return arguments;
}

std::string command_help(const Command& command) {
  return "usage: " + usage_line(command) + "\n\n" + command.summary + ".\n\noptions:\n" +
         describe_options(options_of(command));
}

std::string group_help(const std::string& word, const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands)
    if (std::string(command.name).starts_with(word + " "))
      text += (text.empty() ? "usage: " : "       ") + usage_line(command) + "\n           " + command.summary + "\n";
  return text + "\n`sporehost " + word + " COMMAND --help` shows the options of each.\n";
}

std::string general_help(const std::vector<Command>& commands) {
  std::string text = command_help(commands.front());
  text += "\ncommands:\n";
  for (const Command& command : commands) {
    if (*command.name == '\0' || *command.summary == '\0') continue;
    std::string name = command.name;
    if (*command.arguments != '\0') name += std::string(" ") + command.arguments;
    text += "    " + name + std::string(name.size() < 34 ? 34 - name.size() : 1, ' ') + command.summary + "\n";
  }
  text +=
      "\nexit status:\n"
      "    that of the workload; 128+N when signal N ended it or sporehost; 126 or 127 when it could not start\n"
      "    122 the backend could not go on          123 the guest ended without a word from the workload\n"
      "    124 a time limit of `lifecycle` passed   125 nothing was run: the message says why\n"
      "\nenvironment:\n"
      "    SPOREVM_KERNEL_IMAGE     a kernel of your own, as with --kernel\n"
      "    SPOREHOST_MANAGED_DIR    folder of the managed kernel and initrd\n"
      "    SPOREHOST_PLUGIN_PATH    folders to look for plugins, with colons between\n"
      "    SPOREHOST_PLUGIN_TRACE   1: say on standard error how each plugin was looked for\n"
      "    SPOREHOST_PLUGIN_TIMEOUT how long a plugin may take for a step when it is looked at, such as 20s; 5s\n"
      "\nexamples:\n"
      "    sporehost --config machine.yaml\n"
      "    sporehost --config machine.yaml --memory 2GiB -- /bin/sh -c 'cat /proc/meminfo'\n"
      "    sporehost plan --config machine.yaml --kernel ./vmlinux\n";
  return text;
}

} // namespace sporehost::app
