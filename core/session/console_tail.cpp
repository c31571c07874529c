#include "core/session/console_tail.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "core/base/text.hpp"

namespace sporehost {

namespace {

using namespace std::string_view_literals;

constexpr size_t kMostCauses = 3;

// What the kernel says before it gives up, and what it gives up for.
constexpr std::array kCauses = {
    "Initramfs unpacking failed"sv,
    "VFS: Cannot open root device"sv,
    "Failed to execute "sv,
    "BUG: "sv,
    "Oops: "sv,
    "Unable to handle kernel"sv,
    "general protection fault"sv,
    "Out of memory"sv,
    "sporehost-agent: "sv,
};

// How the lines of a trace begin, once the time is taken off.
constexpr std::array kTraceStarts = {
    "Call Trace"sv,     "Call trace"sv,
    "<TASK>"sv,         "</TASK>"sv,
    "<IRQ>"sv,          "</IRQ>"sv,
    "Hardware name:"sv, "RSP: "sv,
    "RAX: "sv,          "RDX: "sv,
    "RBP: "sv,          "R10: "sv,
    "R13: "sv,          "FS: "sv,
    "CS: "sv,           "CR2: "sv,
    "DR0: "sv,          "DR3: "sv,
    "PKRU: "sv,         "ORIG_RAX: "sv,
    "RIP: 0033"sv,      "Modules linked in:"sv,
    "Kernel Offset:"sv, "---[ end "sv,
    "Rebooting in "sv,  "pstate: "sv,
    "pc : "sv,          "lr : "sv,
    "sp : "sv,          "SMP: stopping secondary"sv,
    "PHYS_OFFSET:"sv,   "CPU features:"sv,
    "Memory Limit:"sv,
};

// Without "[    1.234567]", "[    T1]" and spaces before the text.
std::string_view without_time(std::string_view line) {
  for (;;) {
    const size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    line.remove_prefix(first);
    const size_t end = line.find(']');
    if (line[0] != '[' || end == std::string_view::npos || end > 20) return line;
    line.remove_prefix(end + 1);
  }
}

// A frame: "do_exit+0x1a/0x20", whatever stands around it.
bool is_frame(std::string_view text) {
  const size_t word = text.find(' ');
  const std::string_view first = text.substr(0, word);
  return first.find("+0x") != std::string_view::npos && first.find("/0x") != std::string_view::npos;
}

// arm64's registers: "x29: ffff80000b4dbc60 x28: ...", with or without a space before the colon.
bool is_register(std::string_view text) {
  const size_t digits = text.find_first_not_of("0123456789", 1);
  if (!text.starts_with('x') || digits == 1 || digits == std::string_view::npos || digits > 3) return false;
  text.remove_prefix(digits);
  if (text.starts_with(' ')) text.remove_prefix(1);
  return text.starts_with(": ") && text.find_first_not_of("0123456789abcdef", 2) >= 18;
}

// "CPU: 0 PID: 1 Comm: ..." and "Code: 48 89 ...", which programs may begin a line with as well.
bool is_state(std::string_view text) {
  return (text.starts_with("CPU: ") && text.find(" PID: ") != std::string_view::npos) ||
         (text.starts_with("Code: ") &&
          text.find_first_not_of("0123456789abcdef<>() \r\n", 6) == std::string_view::npos);
}

bool is_trace(std::string_view line) {
  std::string_view text = without_time(line);
  if (text.starts_with("? ")) text.remove_prefix(2); // a frame that may be none
  return is_frame(text) || is_register(text) || is_state(text) ||
         std::any_of(kTraceStarts.begin(), kTraceStarts.end(), [&](auto start) { return text.starts_with(start); });
}

bool is_cause(std::string_view line) {
  return std::any_of(kCauses.begin(), kCauses.end(),
                     [&](auto cause) { return line.find(cause) != std::string_view::npos; });
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

std::string joined(const std::vector<std::string_view>& lines) {
  std::string text;
  for (const std::string_view line : lines) {
    const bool ended = line.ends_with('\n');
    text += printable(ended ? line.substr(0, line.size() - 1) : line);
    if (ended) text += '\n';
  }
  return text;
}

} // namespace

std::string console_tail(std::string_view console, size_t lines) {
  std::vector<std::string_view> all = split(console);
  const auto panics = [](std::string_view line) { return line.find("Kernel panic") != std::string_view::npos; };
  const bool panicked = std::any_of(all.begin(), all.end(), panics);
  if (panicked) std::erase_if(all, is_trace);
  if (all.size() <= lines) return joined(all);
  const auto window = all.end() - static_cast<ptrdiff_t>(lines);
  std::vector<std::string_view> shown;
  if (panicked) {
    std::copy_if(all.begin(), window, std::back_inserter(shown), is_cause);
    const size_t most = std::min(kMostCauses, lines / 2);
    if (shown.size() > most) shown.erase(shown.begin(), shown.end() - static_cast<ptrdiff_t>(most));
  }
  shown.insert(shown.end(), window + static_cast<ptrdiff_t>(shown.size()), all.end());
  return joined(shown);
}

} // namespace sporehost
