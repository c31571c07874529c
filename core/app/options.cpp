#include "core/app/options.hpp"

#include <Poco/Util/HelpFormatter.h>
#include <Poco/Util/Option.h>
#include <Poco/Util/OptionException.h>
#include <Poco/Util/OptionProcessor.h>
#include <Poco/Util/OptionSet.h>

#include <algorithm>
#include <sstream>

#include "core/base/text.hpp"

namespace sporehost::app {
namespace {

using Poco::Util::Option;
using spore::fail;
using spore::Result;

Option flag(const char* name, const char* letter, const char* text) {
  return Option(name, letter, text);
}
Option value(const char* name, const char* letter, const char* argument, const char* text) {
  return Option(name, letter, text).argument(argument);
}

const std::vector<Option>& all_options() {
  static const std::vector<Option> options = {
      flag("help", "h", "show this text"),
      flag("version", "V", "show the version of the program and of the plugin interface"),
      value("config", "c", "FILE", "the machine description (YAML); - reads it from standard input"),
      value("memory", "m", "auto|SIZE", "guest memory, such as 512MiB or 16GiB; auto boots small and grows"),
      value("kernel", "k", "managed|FILE", "the kernel; a file of your own makes memory fixed"),
      value("initrd", "i", "managed|none|FILE", "the initrd; a file of your own makes memory fixed"),
      value("cpus", "", "N", "number of vCPUs"),
      value("backend", "b", "auto|ID", "the hypervisor plugin; `sporehost backend probe` shows them"),
      value("capture", "", "FILE", "save the machine's state here (memory is fixed then)"),
      value("resume", "", "FILE", "continue from a saved state (memory is fixed then)"),
      value("console", "", "auto|none|stdout|stderr|FILE",
            "where the guest's console goes; auto shows it when the initrd is not the managed one"),
      value("plugin-path", "p", "DIR", "look for plugins here first; may be given several times").repeatable(true),
      flag("json", "j", "report as JSON: a run prints it as the last line of standard output"),
      value("report-file", "", "FILE", "write the report of a run to FILE instead"),
      value("log", "l", "LEVEL", "trace, debug, info, warn, error or off; on standard error"),
      flag("offline", "", "use nothing that is not on this machine already"),
      value("source", "", "NAME", "take the managed kernel from this source only"),
      value("arch", "", "ARCH", "x86_64 or arm64"),
      flag("no-measure", "", "do not take the time to measure the backend's speed"),
  };
  return options;
}

Poco::Util::OptionSet option_set(const Command& command) {
  Poco::Util::OptionSet set;
  for (const char* name : command.options)
    for (const Option& option : all_options())
      if (option.fullName() == name) set.addOption(Option(option).required(false));
  return set;
}

std::vector<std::string> option_names(const Command& command) {
  std::vector<std::string> names;
  for (const char* name : command.options) names.push_back(std::string("--") + name);
  return names;
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

// The option that a word begins, as its users write it: "--memory" of "--memory=2GiB".
std::string stem_of(const std::string& word) {
  return word.substr(0, word.find('='));
}

const Option* find_option(const std::string& name) {
  for (const Option& option : all_options())
    if (option.fullName() == name) return &option;
  return nullptr;
}

// An option that takes a value takes the next word, whatever it is: "--memory --cpus 2" would ask for '--cpus' memory.
Result<void> check_value(const std::string& name, const std::string& text, const std::string& word,
                         const std::string& where) {
  const Option* option = find_option(name);
  if (option == nullptr || !option->takesArgument()) return {};
  const bool another_option = text.starts_with("--") && word == text;
  if (!text.empty() && !another_option) return {};
  return fail(SPORE_E_INVALID, "option '--" + name + "'" + where + " wants a value: " + option->argumentName());
}

template <typename Wanted>
bool is(const Poco::Exception& error) {
  return dynamic_cast<const Wanted*>(&error) != nullptr;
}

// Poco's exceptions name the option and say no more.
spore::Error refusal(const Poco::Exception& error, const std::string& word, const Command& command,
                     const std::string& where) {
  const std::string stem = stem_of(word);
  const std::string option = "option " + quote(stem) + where;
  if (is<Poco::Util::UnknownOptionException>(error))
    return fail(SPORE_E_INVALID, "unknown option " + quote(stem) + where + did_you_mean(stem, option_names(command)));
  if (is<Poco::Util::DuplicateOptionException>(error))
    return fail(SPORE_E_INVALID, option + " is given twice; give it once");
  if (is<Poco::Util::UnexpectedArgumentException>(error)) return fail(SPORE_E_INVALID, option + " takes no value");
  if (is<Poco::Util::AmbiguousOptionException>(error))
    return fail(SPORE_E_INVALID, option + " can be more than one; write it out");
  return fail(SPORE_E_INVALID, option + ": " + error.message());
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
  const Poco::Util::OptionSet set = option_set(*arguments.command);
  Poco::Util::OptionProcessor processor(set);
  processor.setUnixStyle(true);
  const std::string where = used == 0 ? "" : " of 'sporehost " + std::string(arguments.command->name) + "'";
  std::string last; // the word before; an option at the end of the line may still want a value
  for (size_t i = used; i < words.size(); last = words[i++]) {
    if (words[i] == "--") { // also where an option in front of it wants a value: that is told below
      arguments.workload.assign(words.begin() + static_cast<ptrdiff_t>(i) + 1, words.end());
      break;
    }
    try {
      std::string name;
      std::string text;
      if (processor.process(words[i], name, text)) {
        if (!name.empty()) SPORE_CHECK(check_value(name, text, words[i], where));
        if (!name.empty()) arguments.options[name].push_back(text);
        continue;
      }
    } catch (const Poco::Exception& e) {
      return refusal(e, words[i], *arguments.command, where);
    }
    arguments.rest.push_back(words[i]);
  }
  try {
    processor.checkRequired();
  } catch (const Poco::Exception&) {
    return fail(SPORE_E_INVALID, "option " + quote(last) + where + " wants a value");
  }
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
  const Poco::Util::OptionSet set = option_set(command);
  Poco::Util::HelpFormatter formatter(set);
  formatter.setUnixStyle(true);
  formatter.setWidth(110);
  formatter.setIndent(4);
  formatter.setAutoIndent();
  std::ostringstream text;
  text << "usage: " << usage_line(command) << "\n\n" << command.summary << ".\n\noptions:\n";
  formatter.format(text);
  std::string help = text.str();
  // Poco's formatter begins with a usage line of its own; ours says more.
  if (const size_t own = help.find("usage: \n"); own != std::string::npos) help.erase(own, 8);
  return help;
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
