// Which lines of a guest's console to show when it has failed. After a panic the last lines are a call trace, which
// tells a user nothing; the reason stands above it, sometimes far above ("Initramfs unpacking failed: ..."). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sporehost {

// At most `lines` lines of `console`, in their order and printable, each with its line break where it had one: without
// a panic the last ones; with one, what is left without traces and registers, and first of all lines that name a cause.
// [any]
[[nodiscard]] std::string console_tail(std::string_view console, size_t lines);

} // namespace sporehost
