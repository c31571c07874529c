// A Linux kernel's configuration (`.config`): which symbols are set, and to what.
#pragma once

#include <sporehost/result.hpp>

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace sporehost::kernel {

inline constexpr size_t kLargestConfig = size_t{4} << 20; // bytes; Debian's have 0.25 MiB

// [any] A plain value. Reads any input: what is not a line `CONFIG_NAME=value` sets nothing, the last line of a symbol
// counts, a carriage return before the line's end is not part of the value. (scripts/lib/kernel-check.sh does the
// same.)
class KernelConfig {
 public:
  static KernelConfig parse(std::string_view text);
  // Errors: SPORE_E_NOT_FOUND, SPORE_E_IO, SPORE_E_RANGE (longer than kLargestConfig), with the path.
  static spore::Result<KernelConfig> load(const std::filesystem::path& path);

  // The value as written ("y", "m", "123", "\"text\""), or "n". `symbol` is with CONFIG_.
  [[nodiscard]] std::string value(std::string_view symbol) const;
  [[nodiscard]] bool built_in(std::string_view symbol) const { return value(symbol) == "y"; }
  [[nodiscard]] bool enabled(std::string_view symbol) const { return built_in(symbol) || value(symbol) == "m"; }
  // Nothing is set at all: whatever was read is no configuration.
  [[nodiscard]] bool empty() const { return values_.empty(); }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

} // namespace sporehost::kernel
