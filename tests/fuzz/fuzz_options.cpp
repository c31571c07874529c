// links: spore_config
//
// The reader of options.h. The input is a JSON pointer, a line break, and a text. Whatever the text is, nothing outside
// of it is read; and where it is JSON, what is read from its canonical form, which is what plugins get, is what another
// reader finds.
#include <sporehost/options.hpp>

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <vector>

namespace {

using nlohmann::json;

void require(bool holds) {
  if (!holds) std::abort();
}

// All readers, on a text without a byte to spare and a buffer of few bytes.
void read_all(const std::vector<char>& text, const char* pointer) {
  const spore_string options{text.data(), text.size()};
  spore_string inside{};
  int64_t whole = 0;
  double real = 0;
  int on = 0;
  std::vector<char> buffer(8);
  spore_text to{buffer.data(), buffer.size(), 0};
  if (spore_option_text(options, pointer, &inside) == SPORE_OK)
    require(inside.data >= text.data() && inside.data + inside.length <= text.data() + text.size());
  (void)spore_option_integer(options, pointer, &whole);
  (void)spore_option_number(options, pointer, &real);
  (void)spore_option_boolean(options, pointer, &on);
  (void)spore_option_string(options, pointer, &to);
  require(to.length <= to.capacity);
}

// What the other reader finds at the pointer; nullptr: nothing. Not comparable are pointers that it calls wrong.
bool comparable(const json& whole, const std::string& pointer, const json*& found) {
  if (pointer.find_first_of("\"\\") != pointer.npos) return false; // options.h says so
  for (const char c : pointer)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  try {
    const json::json_pointer where(pointer);
    found = whole.contains(where) ? &whole.at(where) : nullptr;
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

void compare(const json& value, const spore::Options& options, const char* pointer) {
  const bool whole = value.is_number_integer() &&
                     (!value.is_number_unsigned() || value.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX));
  require(options.integer(pointer) == (whole ? std::optional(value.get<int64_t>()) : std::nullopt));
  require(options.boolean(pointer) == (value.is_boolean() ? std::optional(value.get<bool>()) : std::nullopt));
  require(options.string(pointer) == (value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt));
  require(options.number(pointer) == (value.is_number() ? std::optional(value.get<double>()) : std::nullopt));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(input.find('\n'), input.size());
  const std::string pointer = input.substr(0, line).c_str(); // up to a NUL
  const std::string text = line < size ? input.substr(line + 1) : "";
  read_all({text.begin(), text.end()}, pointer.c_str());

  const json whole = json::parse(text, nullptr, false);
  if (whole.is_discarded()) return 0;
  const std::string canonical = whole.dump();
  const json again = json::parse(canonical);
  const spore::Options options(canonical);
  const json* found = nullptr;
  if (!comparable(again, pointer, found)) return 0;
  static const json kNothing;
  compare(found != nullptr ? *found : kNothing, options, pointer.c_str());
  return 0;
}
