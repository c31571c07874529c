// A Linux kernel's configuration (`.config`): which symbols are set, and to what.
#pragma once

#include <sporehost/result.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace sporehost::kernel {

// [any] A plain value.
class KernelConfig {
 public:
  // Reads the text of a `.config`; lines that set nothing are skipped.
  static KernelConfig parse(std::string_view text);
  // Errors: SPORE_E_NOT_FOUND, SPORE_E_IO, with the path.
  static spore::Result<KernelConfig> load(const std::filesystem::path& path);

  // The value as written ("y", "m", "123", "\"text\""), or "n". `symbol` is with CONFIG_.
  [[nodiscard]] std::string value(const std::string& symbol) const;
  [[nodiscard]] bool built_in(const std::string& symbol) const { return value(symbol) == "y"; }
  [[nodiscard]] bool enabled(const std::string& symbol) const { return built_in(symbol) || value(symbol) == "m"; }

 private:
  std::map<std::string, std::string> values_;
};

} // namespace sporehost::kernel
