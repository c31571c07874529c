#include "core/base/size.hpp"

#include <array>
#include <optional>
#include <span>

#include "core/base/text.hpp"

namespace sporehost {
namespace {

using spore::Error;
using spore::fail;
using spore::Result;

struct Unit {
  std::string_view name;
  uint64_t factor;
};

// Largest first; the first spelling of a factor is the one that is printed.
constexpr std::array kSizeUnits = {Unit{"TiB", kTiB}, Unit{"GiB", kGiB}, Unit{"MiB", kMiB},
                                   Unit{"KiB", kKiB}, Unit{"T", kTiB},   Unit{"G", kGiB},
                                   Unit{"M", kMiB},   Unit{"K", kKiB},   Unit{"", 1}};
constexpr std::array kDurationUnits = {Unit{"h", 3'600'000}, Unit{"min", 60'000}, Unit{"s", 1'000}, Unit{"ms", 1}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

struct Quantity {
  std::string_view digits;
  std::string_view unit;
};

Quantity split(std::string_view text) {
  text = trim(text);
  size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  return {text.substr(0, end), trim(text.substr(end))};
}

std::optional<uint64_t> to_number(std::string_view digits) {
  uint64_t value = 0;
  for (const char c : digits) {
    if (__builtin_mul_overflow(value, uint64_t{10}, &value)) return std::nullopt;
    if (__builtin_add_overflow(value, static_cast<uint64_t>(c - '0'), &value)) return std::nullopt;
  }
  return value;
}

bool is_fraction(const Quantity& quantity) {
  return quantity.unit.size() >= 2 && (quantity.unit[0] == '.' || quantity.unit[0] == ',') &&
         is_digit(quantity.unit[1]);
}

// What a unit was probably meant to be: any letter case, decimal or binary. Empty for what is no such unit.
std::string_view intended_size_unit(std::string_view unit) {
  if (unit.empty() || unit.size() > 3) return {};
  std::string lower;
  for (const char c : unit) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  const std::string_view tail = std::string_view(lower).substr(1);
  if (!tail.empty() && tail != "b" && tail != "i" && tail != "ib") return {};
  switch (lower[0]) {
    case 'k':
      return "KiB";
    case 'm':
      return "MiB";
    case 'g':
      return "GiB";
    case 't':
      return "TiB";
    default:
      return {};
  }
}

Error size_error(std::string_view text, const Quantity& quantity) {
  const std::string subject = quote(text) + " is not a size: ";
  if (quantity.digits.empty())
    return fail(SPORE_E_INVALID, subject + "write a whole number and KiB, MiB, GiB or TiB, such as 512MiB");
  if (is_fraction(quantity))
    return fail(SPORE_E_INVALID,
                subject + "fractions are not accepted; write a whole number of a smaller unit, such as 1536MiB");
  const std::string_view intended = intended_size_unit(quantity.unit);
  if (intended.empty())
    return fail(SPORE_E_INVALID, subject + "unknown unit " + quote(quantity.unit) + "; write KiB, MiB, GiB or TiB");
  return fail(SPORE_E_INVALID, subject + "unit " + quote(quantity.unit) + " is not accepted; write " +
                                   std::string(quantity.digits) + std::string(intended));
}

Error duration_error(std::string_view text, const Quantity& quantity) {
  const std::string subject = quote(text) + " is not a duration: ";
  if (quantity.digits.empty())
    return fail(SPORE_E_INVALID, subject + "write a whole number and ms, s, min or h, such as 30s");
  if (is_fraction(quantity))
    return fail(SPORE_E_INVALID,
                subject + "fractions are not accepted; write a whole number of a smaller unit, such as 1500ms");
  if (quantity.unit.empty())
    return fail(SPORE_E_INVALID, subject + "the unit is missing; write " + std::string(quantity.digits) +
                                     "s for seconds or " + std::string(quantity.digits) + "ms for milliseconds");
  return fail(SPORE_E_INVALID, subject + "unknown unit " + quote(quantity.unit) + "; write ms, s, min or h");
}

const Unit* find_unit(std::span<const Unit> units, std::string_view name) {
  for (const Unit& unit : units)
    if (unit.name == name) return &unit;
  return nullptr;
}

Result<uint64_t> scale(std::string_view text, const Quantity& quantity, uint64_t factor) {
  const std::optional<uint64_t> count = to_number(quantity.digits);
  uint64_t value = 0;
  if (!count || __builtin_mul_overflow(*count, factor, &value))
    return fail(SPORE_E_RANGE, quote(text) + " is too large: it does not fit into 64 bits");
  return value;
}

std::string format(uint64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units)
    if (value != 0 && value % unit.factor == 0) return std::to_string(value / unit.factor) + std::string(unit.name);
  return "0" + std::string(units.back().name);
}

} // namespace

Result<uint64_t> parse_size(std::string_view text) {
  const Quantity quantity = split(text);
  const Unit* unit = quantity.digits.empty() ? nullptr : find_unit(kSizeUnits, quantity.unit);
  if (unit == nullptr) return size_error(text, quantity);
  return scale(text, quantity, unit->factor);
}

std::string format_size(uint64_t bytes) {
  return format(bytes, kSizeUnits);
}

Result<uint64_t> parse_duration(std::string_view text) {
  const Quantity quantity = split(text);
  const Unit* unit = quantity.digits.empty() ? nullptr : find_unit(kDurationUnits, quantity.unit);
  if (unit == nullptr) return duration_error(text, quantity);
  return scale(text, quantity, unit->factor);
}

std::string format_duration(uint64_t milliseconds) {
  return format(milliseconds, kDurationUnits);
}

} // namespace sporehost
