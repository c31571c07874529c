// The words and rules that the file and the command line share; core/kernel and core/plugin read the same.
#pragma once

#include <sporehost/result.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sporehost {

// Each array is in the order of its enum in machine_config.hpp.
inline const std::array<std::string, 3> kReportWords = {"text", "json", "none"};
inline const std::array<std::string, 2> kResetWords = {"stop", "restart"};
inline const std::array<std::string, 6> kLevelWords = {"trace", "debug", "info", "warn", "error", "off"};

// The section `kernel:`; core/kernel reads the same words.
inline const std::array<std::string, 4> kKernelSourceWords = {"cache", "release", "distribution", "build"};
inline const std::array<std::string, 2> kFlavourWords = {"acpi", "noacpi"};

inline constexpr const char* kNameRule =
    " is not a name; use letters, digits, '.', '_' and '-', at most 63, the first a letter or digit";
inline constexpr const char* kPluginIdRule =
    " is not a plugin's id; an id has lower-case letters and digits, with single hyphens between, such as virtio-rng";

[[nodiscard]] bool is_instance_name(std::string_view text);
// As SDK-4 has it: lower-case kebab, [a-z0-9]+(-[a-z0-9]+)*, at most 64 bytes. Such an id is also a safe file name.
// [any]
[[nodiscard]] bool is_plugin_id(std::string_view text);

// What is wrong with a path as somebody wrote it; empty: nothing. `~` is expanded by shells alone.
[[nodiscard]] std::string path_mistake(std::string_view text);

// A machine's memory: not 0, and a multiple of 1 MiB.
[[nodiscard]] spore::Result<void> check_memory_size(uint64_t bytes);

} // namespace sporehost
