#include "guest/agent/meminfo.hpp"

#include <fcntl.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <charconv>

#include "core/base/unique_fd.hpp"
#include "guest/agent/clock.hpp"

namespace sporehost::agent {
namespace {

// The number in a line "Name:     1234 kB".
std::optional<std::uint64_t> field(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    const auto digits = line.find_first_not_of(" \t");
    if (digits == std::string_view::npos) return std::nullopt;
    line.remove_prefix(digits);
    std::uint64_t value = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (error != std::errc{} || std::string_view(rest, line.data() + line.size()) != " kB") return std::nullopt;
    return value;
  }
  return std::nullopt;
}

} // namespace

std::optional<guest::Memory> parse_meminfo(std::string_view text) {
  const auto total = field(text, "MemTotal:");
  if (!total) return std::nullopt;
  guest::Memory memory;
  memory.total_kib = *total;
  memory.free_kib = field(text, "MemFree:").value_or(0);
  memory.available_kib = field(text, "MemAvailable:").value_or(memory.free_kib);
  return memory;
}

guest::Memory read_memory() {
  char text[4096];
  std::size_t length = 0;
  if (const UniqueFd file{open("/proc/meminfo", O_RDONLY | O_CLOEXEC)}; file) {
    if (const ssize_t count = read(file.get(), text, sizeof text); count > 0) length = static_cast<std::size_t>(count);
  }
  guest::Memory memory;
  if (auto parsed = parse_meminfo({text, length})) {
    memory = *parsed;
  } else {
    struct sysinfo info {};
    sysinfo(&info);
    memory.total_kib = info.totalram * std::uint64_t{info.mem_unit} / 1024;
    memory.free_kib = info.freeram * std::uint64_t{info.mem_unit} / 1024;
    memory.available_kib = memory.free_kib;
  }
  memory.boot_ns = boot_ns();
  return memory;
}

std::uint64_t mem_total_kib() {
  struct sysinfo info {};
  sysinfo(&info);
  return info.totalram * std::uint64_t{info.mem_unit} / 1024;
}

} // namespace sporehost::agent
