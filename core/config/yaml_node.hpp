// One YAML document as a tree that knows where each part stands in the text.
//
// Built on yaml-cpp's events, not on its Node, since Node silently keeps the first of two equal keys and expands
// aliases without a bound. What is refused here, so that no reader above has to think of it: more than 1 MiB, more than
// one document, text that is not UTF-8, depth over 32, more than 20000 nodes after aliases are expanded, a scalar over
// 64 KiB, duplicate keys, keys that are not scalars, merge keys (`<<`), tags other than !!str, NUL characters.
//
// The text is untrusted. Errors are values (SPORE_E_INVALID) that begin with file:line:column. Thread tag: [main].
#pragma once

#include <sporehost/result.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostics.hpp"

namespace sporehost {

struct YamlEntry;

// Owns everything below it. `at` is where the value begins (for an empty value: where its key begins).
struct YamlNode {
  enum class Kind { null, scalar, sequence, mapping };

  Kind kind = Kind::null;
  Position at;
  std::string text;            // scalar: its text, escapes and folding resolved
  bool quoted = false;         // scalar: written in quotes, as a block, or tagged !!str; so it is text, never a number
  std::vector<YamlNode> items; // sequence
  std::vector<YamlEntry> entries; // mapping, in the order of the text, keys unique

  // "a list", "a mapping", "nothing" or "'text'": for "expected ..., got ...".
  [[nodiscard]] std::string describe() const;
};

struct YamlEntry {
  std::string key;
  Position key_at;
  YamlNode value;
};

inline constexpr size_t kYamlFileBytes = size_t{1} << 20;

// Parses `text`; `file` is only used in messages.
[[nodiscard]] spore::Result<YamlNode> parse_yaml(std::string_view text, const std::string& file);

struct YamlText {
  std::string text;
  bool is_file = false; // a regular file, which lies in a folder; not a pipe, a FIFO or a terminal
};

// Reads at most kYamlFileBytes: a regular file, or a pipe, a FIFO or a character device to its end; "-" is standard
// input. Waits for a writer, as every reader of a FIFO does.
[[nodiscard]] spore::Result<YamlText> read_yaml_file(const std::string& path);

} // namespace sporehost
