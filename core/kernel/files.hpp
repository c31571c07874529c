// The few operations on files that a cache needs, with errors as values and durability where it is asked for.
#pragma once

#include <sporehost/result.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace sporehost::kernel {

// The whole file. Errors: SPORE_E_NOT_FOUND, SPORE_E_PERMISSION, SPORE_E_IO; SPORE_E_RANGE above `most` bytes. [any]
[[nodiscard]] spore::Result<std::string> read_file(const std::filesystem::path& path, size_t most);

// Its first line without the newline; empty where there is none or it cannot be read. [any]
[[nodiscard]] std::string first_line(const std::filesystem::path& path);

// Replaces the file's content; on disk when it returns. Not atomic: for files inside a folder that is published later.
[[nodiscard]] spore::Result<void> write_file(const std::filesystem::path& path, std::string_view content);

// Writes beside `path` and renames, so that a reader sees the old file or the new one. [any]
[[nodiscard]] spore::Result<void> replace_file(const std::filesystem::path& path, std::string_view content);

// Puts file or folder on disk. [any]
[[nodiscard]] spore::Result<void> sync_path(const std::filesystem::path& path);

// The folder and those above it. Errors: SPORE_E_PERMISSION, SPORE_E_IO, with the path and the reason. [any]
[[nodiscard]] spore::Result<void> make_folders(const std::filesystem::path& path);

// "cannot open '/x': Permission denied", with the status that fits `code` (an errno). [any]
[[nodiscard]] spore::Error file_error(std::string_view action, const std::filesystem::path& path, int code);

} // namespace sporehost::kernel
