#include "core/kernel/required_symbols.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "core/kernel/symbol_list_text.hpp"

namespace sporehost::kernel {

using spore::fail;
using spore::Result;

namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool read_stand_in(const std::string& word, RequiredSymbol& symbol) {
  constexpr std::string_view module = "module=", cmdline = "cmdline=";
  if (word == "-") return true;
  if (word.starts_with(module)) symbol.module = word.substr(module.size());
  if (word.starts_with(cmdline)) symbol.cmdline = word.substr(cmdline.size());
  return symbol.module.empty() != symbol.cmdline.empty();
}

std::string describe_value(const KernelConfig& config, const std::string& symbol) {
  const std::string value = config.value(symbol);
  return value == "n" ? symbol + " is not set" : symbol + " is " + value;
}

std::string join(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

// What is wrong with this symbol, if anything is; what stands in for it goes to the verdict.
std::optional<std::string> check_one(const KernelConfig& config, const RequiredSymbol& symbol,
                                     const Surroundings& around, Verdict& verdict) {
  const auto has_value = [&](const char* value) {
    return std::any_of(symbol.any_of.begin(), symbol.any_of.end(),
                       [&](const std::string& name) { return config.value(name) == value; });
  };
  if (has_value("y")) return std::nullopt;
  const std::string name = join(symbol.any_of, " or ");
  if (!symbol.module.empty() && has_value("m")) {
    if (!around.initrd_modules.contains(symbol.module))
      return name + " is m and no managed initrd carries the module " + symbol.module + " (" + symbol.why + ")";
    verdict.stand_ins.push_back("the module " + symbol.module + " in the initrd stands in for " + name + "=y");
    return std::nullopt;
  }
  if (!symbol.cmdline.empty() && around.cmdline_may_stand_in) {
    verdict.stand_ins.push_back(symbol.cmdline + " on the command line stands in for " + name + "=y");
    verdict.cmdline += (verdict.cmdline.empty() ? "" : " ") + symbol.cmdline;
    return std::nullopt;
  }
  std::vector<std::string> values;
  for (const std::string& each : symbol.any_of) values.push_back(describe_value(config, each));
  return join(values, " and ") + " (" + symbol.why + ")";
}

} // namespace

Result<std::vector<RequiredSymbol>> parse_required_symbols(std::string_view text) {
  std::vector<RequiredSymbol> list;
  std::istringstream stream{std::string(text)};
  size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    std::istringstream words(line);
    std::string names, stand_in;
    RequiredSymbol symbol;
    if (!(words >> names) || names.starts_with('#')) continue;
    words >> symbol.arch >> stand_in >> std::ws;
    std::getline(words, symbol.why);
    symbol.any_of = split(names, '|');
    const bool arch_known = symbol.arch == "all" || symbol.arch == "x86_64" || symbol.arch == "arm64";
    if (!arch_known || symbol.any_of.empty() || symbol.why.empty() || !read_stand_in(stand_in, symbol))
      return fail(SPORE_E_INVALID, "line " + std::to_string(number) +
                                       " of the list of required symbols is not SYMBOL ARCHITECTURE STAND-IN WHY");
    list.push_back(std::move(symbol));
  }
  if (list.empty()) return fail(SPORE_E_INVALID, "the list of required symbols is empty");
  return list;
}

const std::vector<RequiredSymbol>& required_symbols() {
  static const std::vector<RequiredSymbol> list = [] {
    auto parsed = parse_required_symbols(kSymbolListText);
    if (!parsed) std::abort(); // a test reads the same text; a program that cannot check must not accept
    return std::move(*parsed);
  }();
  return list;
}

Verdict check_symbols(const KernelConfig& config, const std::vector<RequiredSymbol>& required,
                      const Surroundings& around) {
  Verdict verdict;
  for (const RequiredSymbol& symbol : required) {
    if (symbol.arch != "all" && symbol.arch != around.arch) continue;
    if (auto problem = check_one(config, symbol, around, verdict)) verdict.problems.push_back(std::move(*problem));
  }
  return verdict;
}

} // namespace sporehost::kernel
