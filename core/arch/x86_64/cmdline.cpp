#include "core/arch/x86_64/cmdline.hpp"

#include <array>
#include <cinttypes>
#include <cstdio>

namespace sporehost::arch::x86_64 {

namespace {

// Where the arguments for PID 1 begin: at a "--" that is a word of its own. Linux honours quotes; so does this.
size_t find_init_arguments(std::string_view text) {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    const bool begins = i == 0 || text[i - 1] == ' ';
    const bool ends = i + 2 == text.size() || (i + 2 < text.size() && text[i + 2] == ' ');
    if (!quoted && begins && ends && text.substr(i, 2) == "--") return i;
  }
  return text.size();
}

void append_word(std::string& line, std::string_view word) {
  const size_t first = word.find_first_not_of(' ');
  if (first == std::string_view::npos) return;
  word = word.substr(first, word.find_last_not_of(' ') - first + 1);
  if (!line.empty()) line += ' ';
  line += word;
}

} // namespace

std::string virtio_mmio_fragment(const MmioSlot& device) {
  std::array<char, 96> text{};
  const bool whole = device.bytes % kKiB == 0;
  std::snprintf(text.data(), text.size(), "virtio_mmio.device=%" PRIu64 "%s@0x%" PRIx64 ":%" PRIu32,
                whole ? device.bytes / kKiB : device.bytes, whole ? "K" : "", device.gpa, device.gsi);
  return text.data();
}

spore::Result<std::string> assemble_cmdline(std::string_view base, std::span<const std::string> fragments,
                                            size_t limit) {
  const size_t split = find_init_arguments(base);
  std::string line;
  append_word(line, base.substr(0, split));
  for (const std::string& fragment : fragments) append_word(line, fragment);
  append_word(line, base.substr(split));
  if (line.find_first_of(std::string_view("\0\n\r", 3)) != std::string::npos) {
    return spore::fail(SPORE_E_INVALID, "the kernel command line contains a NUL or a line break; write it on one line");
  }
  if (line.size() > limit) {
    return spore::fail(SPORE_E_RANGE, "the kernel command line has " + std::to_string(line.size()) +
                                          " bytes, this kernel takes " + std::to_string(limit) + "; shorten it");
  }
  return line;
}

} // namespace sporehost::arch::x86_64
