// The options of an object in C++: see options.h. Borrows the text that `create` got. [any]
#pragma once

#include <sporehost/options.h>

#include <optional>
#include <string>
#include <string_view>

namespace spore {

constexpr spore_string to_abi(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view from_abi(spore_string text) {
  return {text.data, text.data != nullptr ? static_cast<size_t>(text.length) : 0};
}

// Each function gives nothing where the option is absent, null, or of another type.
class Options {
 public:
  explicit Options(std::string_view json) : json_(json) {}

  [[nodiscard]] std::optional<int64_t> integer(const char* pointer) const {
    int64_t value = 0;
    const spore_status status = spore_option_integer(to_abi(json_), pointer, &value);
    return kept(status, value);
  }
  // A number with or without a fraction; whole ones are numbers too.
  [[nodiscard]] std::optional<double> number(const char* pointer) const {
    double value = 0;
    const spore_status status = spore_option_number(to_abi(json_), pointer, &value);
    return kept(status, value);
  }
  [[nodiscard]] std::optional<bool> boolean(const char* pointer) const {
    int value = 0;
    const spore_status status = spore_option_boolean(to_abi(json_), pointer, &value);
    return kept(status, value != 0);
  }
  [[nodiscard]] std::optional<std::string> string(const char* pointer) const {
    std::string value(json_.size(), '\0'); // no string in it is longer
    spore_text text{value.data(), value.size(), 0};
    const spore_status status = spore_option_string(to_abi(json_), pointer, &text);
    value.resize(text.length);
    return kept(status, std::move(value));
  }

 private:
  template <typename T>
  static std::optional<T> kept(spore_status status, T value) {
    return status == SPORE_OK ? std::optional<T>(std::move(value)) : std::nullopt;
  }

  std::string_view json_;
};

} // namespace spore
