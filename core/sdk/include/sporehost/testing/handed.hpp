// What a test hands to a plugin and looks at when it comes back (SDK-26): structs with poison behind them, texts with
// poison around them. A struct is handed over as an older host would, which knows 1.0 only, or as a newer one.
#pragma once

#include <sporehost/abi.h>
#include <sporehost/result.hpp>
#include <sporehost/testing/checks.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spore::testing {

enum class HostAge { older, newer };

inline constexpr uint8_t kPoison = 0xa5;
inline constexpr size_t kPoisonBytes = 64;

template <typename T>
inline constexpr uint32_t kBytesOf10 = spore_10_bytes_of(static_cast<const T*>(nullptr));

// A struct of the host's, which the plugin fills or reads. The fields of a later minor version that a newer host has
// are zero when the plugin fills it, and hold what the plugin cannot know when it reads it.
template <typename T>
class Handed {
 public:
  explicit Handed(HostAge age, const T& content = {}, uint8_t later = 0)
      : size_(age == HostAge::older ? kBytesOf10<T> : static_cast<uint32_t>(kBytesOf10<T> + kPoisonBytes)) {
    bytes_.fill(kPoison);
    std::memcpy(bytes_.data(), &content, kBytesOf10<T>);
    std::memset(bytes_.data() + kBytesOf10<T>, later, size_ - kBytesOf10<T>);
    std::memcpy(bytes_.data(), &size_, sizeof size_);
  }

  [[nodiscard]] T* get() { return reinterpret_cast<T*>(bytes_.data()); }
  [[nodiscard]] const T* get() const { return reinterpret_cast<const T*>(bytes_.data()); }
  // What is in it, as far as 1.0 goes.
  [[nodiscard]] T value() const {
    T own{};
    std::memcpy(&own, bytes_.data(), kBytesOf10<T>);
    own.size = sizeof own;
    return own;
  }

  // After the call: `size` is the host's, and behind it nothing was touched.
  void check(Checks& checks, const char* function) const {
    if (get()->size != size_) checks.broken(26, std::string(function) + " changed the size of the host's struct");
    const bool whole = std::all_of(bytes_.begin() + size_, bytes_.end(), [](uint8_t byte) { return byte == kPoison; });
    if (!whole) checks.broken(26, std::string(function) + " wrote behind the end of the host's struct");
  }

 private:
  uint32_t size_;
  alignas(T) std::array<uint8_t, kBytesOf10<T> + 2 * kPoisonBytes> bytes_;
};

// Whether a text is UTF-8 (RFC 3629).
inline bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char lead = byte(i);
    const size_t more = lead < 0x80 ? 0 : lead < 0xC2 ? 9 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : lead < 0xF5 ? 3 : 9;
    if (more > text.size() - i - 1) return false;
    for (size_t k = 1; k <= more; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    }
    const bool overlong = (lead == 0xE0 && byte(i + 1) < 0xA0) || (lead == 0xF0 && byte(i + 1) < 0x90);
    const bool beyond = (lead == 0xED && byte(i + 1) >= 0xA0) || (lead == 0xF4 && byte(i + 1) >= 0x90);
    if (overlong || beyond) return false;
    i += more + 1;
  }
  return true;
}

// Room for a text that the plugin writes.
class HandedText {
 public:
  static constexpr uint64_t kCapacity = 1024;

  HandedText() : bytes_(2 * kPoisonBytes + kCapacity, static_cast<char>(kPoison)) {}

  [[nodiscard]] spore_text get() { return {bytes_.data() + kPoisonBytes, kCapacity, 0}; }

  // What the plugin wrote, once `after` is what its spore_text has become; nothing where that broke a rule.
  [[nodiscard]] std::optional<std::string> check(const spore_text& after, Checks& checks, const char* function) {
    const auto broken = [&](int rule, const char* what) {
      checks.broken(rule, std::string(function) + what);
      return std::nullopt;
    };
    const spore_text before = get();
    if (after.data != before.data || after.capacity != before.capacity)
      return broken(26, " changed more of a text than its bytes and its length");
    if (after.length > kCapacity) return broken(26, " gives a text a length beyond its capacity");
    if (!poisoned(0) || !poisoned(kPoisonBytes + kCapacity)) return broken(26, " wrote outside of a text");
    const std::string_view text(before.data, after.length);
    if (!is_utf8(text)) return broken(8, " wrote a text that is not UTF-8");
    if (text.find_first_of("\r\n") != text.npos) return broken(8, " wrote a text of more than one line");
    return std::string(text);
  }

 private:
  [[nodiscard]] bool poisoned(size_t at) const {
    const auto first = bytes_.begin() + static_cast<ptrdiff_t>(at);
    return std::all_of(first, first + kPoisonBytes, [](char c) { return static_cast<uint8_t>(c) == kPoison; });
  }

  std::vector<char> bytes_;
};

// The `spore_error` of one call.
class HandedError {
 public:
  explicit HandedError(HostAge age) : error_(age, content(text_)) {}

  [[nodiscard]] spore_error* get() { return error_.get(); }

  // The outcome of the call, with the plugin's sentence.
  [[nodiscard]] Result<void> outcome(spore_status status, Checks& checks, const char* function) {
    error_.check(checks, function);
    if (error_.get()->reserved != 0) checks.broken(26, std::string(function) + " wrote into a reserved field");
    const auto sentence = text_.check(error_.get()->text, checks, function);
    if (status == SPORE_OK) return {};
    if (sentence && sentence->empty()) checks.broken(8, std::string(function) + " failed and gave no reason");
    return fail(status, sentence.value_or(""));
  }

 private:
  static spore_error content(HandedText& text) {
    spore_error error{};
    error.text = text.get();
    return error;
  }

  HandedText text_;
  Handed<spore_error> error_;
};

} // namespace spore::testing
