#include "core/kernel/kernel_config.hpp"

#include <fstream>
#include <sstream>

namespace sporehost::kernel {

using spore::fail;
using spore::Result;

KernelConfig KernelConfig::parse(std::string_view text) {
  KernelConfig config;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t equals = line.find('=');
    if (line.starts_with("CONFIG_") && equals != std::string_view::npos)
      config.values_.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return config;
}

Result<KernelConfig> KernelConfig::load(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return fail(SPORE_E_NOT_FOUND, "kernel configuration '" + path.string() + "' cannot be read");
  std::ostringstream text;
  text << file.rdbuf();
  if (!file.good()) return fail(SPORE_E_IO, "kernel configuration '" + path.string() + "' cannot be read to its end");
  return parse(text.view());
}

std::string KernelConfig::value(const std::string& symbol) const {
  const auto found = values_.find(symbol);
  return found == values_.end() ? "n" : found->second;
}

} // namespace sporehost::kernel
