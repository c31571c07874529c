#include "core/kernel/kernel_config.hpp"

#include <algorithm>

#include "core/kernel/files.hpp"

namespace sporehost::kernel {

using spore::Result;

namespace {

bool is_symbol(std::string_view name) {
  constexpr std::string_view prefix = "CONFIG_";
  if (!name.starts_with(prefix) || name.size() == prefix.size()) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

} // namespace

KernelConfig KernelConfig::parse(std::string_view text) {
  KernelConfig config;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos || !is_symbol(line.substr(0, equals))) continue;
    config.values_.insert_or_assign(std::string(line.substr(0, equals)), std::string(line.substr(equals + 1)));
  }
  return config;
}

Result<KernelConfig> KernelConfig::load(const std::filesystem::path& path) {
  auto text = read_file(path, kLargestConfig);
  if (!text) return text.error().in("kernel configuration");
  return parse(*text);
}

std::string KernelConfig::value(std::string_view symbol) const {
  const auto found = values_.find(symbol);
  return found == values_.end() ? "n" : found->second;
}

} // namespace sporehost::kernel
