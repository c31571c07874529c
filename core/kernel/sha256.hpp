// SHA-256 digests, as 64 lower-case hexadecimal digits.
#pragma once

#include <sporehost/result.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace sporehost::kernel {

[[nodiscard]] std::string sha256(std::string_view bytes); // [any]

// Errors: SPORE_E_NOT_FOUND, SPORE_E_PERMISSION, SPORE_E_IO, with the path. [any]
[[nodiscard]] spore::Result<std::string> sha256_file(const std::filesystem::path& path);

[[nodiscard]] bool is_sha256(std::string_view text); // [any]

} // namespace sporehost::kernel
