// The names of I/O devices in a guest's tables. They come from plugins and end up in AML and in the device tree, so
// what they may hold is checked before either is built.
#pragma once

#include <sporehost/result.hpp>

#include <algorithm>
#include <string_view>

#include "core/arch/places.hpp"
#include "core/base/text.hpp"

namespace sporehost::arch {

[[nodiscard]] constexpr bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}
[[nodiscard]] constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// ACPI 6.1.5: "PNP0501" or "QEMU0001".
[[nodiscard]] inline bool is_acpi_hid(std::string_view id) {
  if ((id.size() != 7 && id.size() != 8) || !is_capital(id.front())) return false;
  const std::string_view vendor = id.substr(0, id.size() - 4);
  const std::string_view number = id.substr(id.size() - 4);
  // Vendors of three letters are plug and play's, which has no digits there.
  return std::ranges::all_of(vendor, [&](char c) { return is_capital(c) || (vendor.size() == 4 && is_digit(c)); }) &&
         std::ranges::all_of(number, [](char c) { return is_digit(c) || (c >= 'A' && c <= 'F'); });
}

// One string of `compatible`: "arm,pl031". As long and of such characters as Linux' own are.
[[nodiscard]] inline bool is_fdt_compatible(std::string_view name) {
  constexpr size_t kMost = 63;
  const auto allowed = [](char c) {
    return is_capital(c) || is_digit(c) || (c >= 'a' && c <= 'z') || std::string_view(",._+-").find(c) < 5;
  };
  return !name.empty() && name.size() <= kMost && std::ranges::all_of(name, allowed);
}

// Both names of `node`, where it has them. [any] SPORE_E_INVALID with the rule.
[[nodiscard]] inline spore::Result<void> check_io_names(const IoNode& node) {
  if (!node.acpi_hid.empty() && !is_acpi_hid(node.acpi_hid))
    return spore::fail(SPORE_E_INVALID,
                       "acpi_hid " + quote(node.acpi_hid) +
                           " is no ACPI _HID; it must be three capitals, or four capitals or digits that begin "
                           "with a letter, and then four hexadecimal digits in capitals (SDK-25)");
  if (!node.fdt_compatible.empty() && !is_fdt_compatible(node.fdt_compatible))
    return spore::fail(SPORE_E_INVALID, "fdt_compatible " + quote(node.fdt_compatible) +
                                            " is no name of a device tree; it must be 1 to 63 of letters, digits and "
                                            "',._+-' (SDK-25)");
  return {};
}

} // namespace sporehost::arch
