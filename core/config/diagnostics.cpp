#include "core/config/diagnostics.hpp"

#include <algorithm>

namespace sporehost {

std::string format_position(const std::string& file, Position at) {
  if (at.line <= 0) return file;
  return file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

void Diagnostics::add(Position at, std::string text) {
  if (found_.size() < kMost)
    found_.push_back({at, std::move(text)});
  else
    ++dropped_;
}

spore::Error Diagnostics::error() const {
  std::vector<Found> sorted = found_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Found& a, const Found& b) { return a.at < b.at; });
  std::string text;
  for (const Found& one : sorted) {
    if (!text.empty()) text += '\n';
    const std::string place = format_position(file_, one.at);
    text += place.empty() ? one.text : place + ": " + one.text;
  }
  if (dropped_ > 0) text += "\n" + file_ + ": and " + std::to_string(dropped_) + " more errors";
  return spore::fail(SPORE_E_INVALID, std::move(text));
}

} // namespace sporehost
