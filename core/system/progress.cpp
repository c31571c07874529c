#include "core/system/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace sporehost {

namespace {

constexpr uint64_t kLarge = uint64_t{8} << 20;
constexpr auto kBetweenUpdates = std::chrono::milliseconds(100);

std::string mebibytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", static_cast<double>(bytes) / (1 << 20));
  return text;
}

} // namespace

TerminalProgress::TerminalProgress(int fd, std::string subject)
    : writer_(fd), subject_(std::move(subject)), terminal_(::isatty(fd) == 1) {}

TerminalProgress::~TerminalProgress() {
  clear_line();
}

void TerminalProgress::put(const std::string& text) {
  // A terminal that was stopped or went away is no reason to wait or to fail: a guest may be running meanwhile.
  (void)writer_.write({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

void TerminalProgress::clear_line() {
  if (line_shown_) put("\r\x1b[K");
  line_shown_ = false;
}

void TerminalProgress::step(std::string_view text) {
  step_ = text;
  announced_ = false;
  if (!terminal_) return;
  clear_line();
  put(subject_ + ": " + std::string(text) + "\n");
}

void TerminalProgress::bytes(uint64_t done, uint64_t total) {
  if (!terminal_) {
    const bool large = std::max(done, total) >= kLarge;
    if (large) announce(total > 0 ? " (" + mebibytes(total) + " MiB)" : "");
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < kBetweenUpdates && done != total) return;
  last_ = now;
  std::string line = "\r" + subject_ + ": " + mebibytes(done);
  if (total > 0)
    line += " of " + mebibytes(total) + " MiB, " + std::to_string(done * 100 / total) + " %";
  else
    line += " MiB";
  put(line + "\x1b[K");
  line_shown_ = true;
}

void TerminalProgress::long_step(std::string_view text) {
  step(text);
  if (!terminal_) announce("");
}

// The line of a log: what is being done, once.
void TerminalProgress::announce(std::string_view more) {
  if (announced_ || step_.empty()) return;
  announced_ = true;
  put("sporehost: " + subject_ + ": " + step_ + std::string(more) + "\n");
}

} // namespace sporehost
