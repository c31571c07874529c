// JSON writes a character beyond U+FFFF as two escapes, a surrogate pair; YAML, of which JSON is a part in all other
// respects, knows one escape of eight digits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostics.hpp"

namespace sporehost {

// Where the text is JSON, its pairs are rewritten as YAML's escapes. Any other text stays as it is. [main]
class SurrogatePairs {
 public:
  explicit SurrogatePairs(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }

  // Where a place of text() stands in the text as it was.
  [[nodiscard]] Position original(Position at) const;

 private:
  void rewrite();

  std::string text_;
  std::vector<Position> pairs_; // where each begins, in text_
};

} // namespace sporehost
