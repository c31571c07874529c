// Errors in a text, collected so that a person sees all of them at once.
//
// Units: lines and columns count from 1; a column is a byte of the line. Thread tag: [main].
#pragma once

#include <sporehost/result.hpp>

#include <string>
#include <vector>

namespace sporehost {

// A place in a file. Line 0 means "no place known": only the file is named then.
struct Position {
  int line = 0;
  int column = 0;
  // clang-tidy 14 sees a 0 for a pointer in it.
  friend auto operator<=>(const Position&, const Position&) = default; // NOLINT(modernize-use-nullptr)
};

// "file:line:column", or "file" where the place is not known.
[[nodiscard]] std::string format_position(const std::string& file, Position at);

// Gathers `file:line:column: text` lines. At most kMost are kept; the rest is counted.
class Diagnostics {
 public:
  static constexpr size_t kMost = 20;

  explicit Diagnostics(std::string file) : file_(std::move(file)) {}

  void add(Position at, std::string text);
  [[nodiscard]] bool empty() const { return found_.empty(); }
  [[nodiscard]] const std::string& file() const { return file_; }

  // All of it as one error (SPORE_E_INVALID), one line each in the order of the file. Only where !empty().
  [[nodiscard]] spore::Error error() const;

 private:
  struct Found {
    Position at;
    std::string text;
  };
  std::string file_;
  std::vector<Found> found_;
  size_t dropped_ = 0;
};

} // namespace sporehost
