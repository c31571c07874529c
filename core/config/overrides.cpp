// What the command line and the environment change in a machine description, and the rules both share with the file.
#include <algorithm>
#include <cstdlib>

#include "core/base/size.hpp"
#include "core/base/text.hpp"
#include "core/base/whole_number.hpp"
#include "core/config/machine_config.hpp"
#include "core/config/words.hpp"

namespace sporehost {
namespace {

using spore::fail;
using spore::Result;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

spore::Error option_error(std::string_view option, const std::string& text) {
  return fail(SPORE_E_INVALID, std::string(option) + ": " + text);
}

Result<Artifact> read_artifact(std::string_view option, const std::string& text, bool can_be_none) {
  if (const std::string mistake = path_mistake(text); !mistake.empty()) return option_error(option, mistake);
  if (text == "managed") return Artifact{};
  if (text != "none") return Artifact{ArtifactOrigin::custom_option, text, {}};
  if (can_be_none) return Artifact{ArtifactOrigin::none, {}, {}};
  return option_error(option, "a machine needs a kernel; give managed or a path");
}

Result<void> override_memory(MachineConfig& config, const std::string& text) {
  if (text == "auto") {
    config.memory.size.reset();
    return {};
  }
  auto size = parse_size(text);
  if (!size) return size.error().in("--memory");
  if (auto checked = check_memory_size(*size); !checked) return checked.error().in("--memory");
  config.memory.size = *size;
  config.memory.size_at = {};
  return {};
}

Result<void> override_backend(MachineConfig& config, const std::string& text) {
  if (text == "auto") {
    config.backend.reset();
    return {};
  }
  if (!is_plugin_id(text)) return option_error("--backend", quote(text) + kPluginIdRule);
  if (config.backend && config.backend->plugin == text) return {};
  PluginUse use;
  use.plugin = use.name = text;
  use.options.file = "--backend";
  config.backend = std::move(use);
  return {};
}

Result<void> override_cpus(MachineConfig& config, const std::string& text) {
  const auto value = whole_number<uint32_t>(text);
  if (!value || *value < 1 || *value > kMostCpus)
    return option_error("--cpus",
                        "expected a whole number from 1 to " + std::to_string(kMostCpus) + ", got " + quote(text));
  config.cpus = *value;
  return {};
}

Result<void> override_path(std::string_view option, const std::optional<std::string>& text,
                           std::optional<std::filesystem::path>& out) {
  if (!text) return {};
  if (const std::string mistake = path_mistake(*text); !mistake.empty()) return option_error(option, mistake);
  out = *text;
  return {};
}

} // namespace

bool is_instance_name(std::string_view text) {
  if (text.empty() || text.size() > 63 || !is_letter_or_digit(text.front())) return false;
  for (const char c : text)
    if (!is_letter_or_digit(c) && c != '.' && c != '_' && c != '-') return false;
  return true;
}

bool is_plugin_id(std::string_view text) {
  if (text.empty() || text.size() > 64 || text.front() == '-' || text.back() == '-') return false;
  if (text.find("--") != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

std::string path_mistake(std::string_view text) {
  if (text.empty()) return "the path is empty";
  if (text != "~" && !text.starts_with("~/")) return {};
  return quote(text) + " begins with '~', which only a shell expands; write the whole path, or ./~ for that name";
}

Result<void> check_memory_size(uint64_t bytes) {
  if (bytes == 0) return fail(SPORE_E_INVALID, "a machine needs memory; write auto or a size such as 512MiB");
  if (bytes < kMiB && bytes % kKiB != 0)
    return fail(SPORE_E_INVALID,
                "a number without a unit counts bytes; write " + std::to_string(bytes) + "MiB if mebibytes are meant");
  if (bytes < kMiB)
    return fail(SPORE_E_INVALID, format_size(bytes) + " is less than 1MiB; write a size such as 512MiB");
  if (bytes % kMiB != 0)
    return fail(SPORE_E_INVALID, format_size(bytes) + " is not a multiple of 1MiB; write " +
                                     format_size(bytes / kMiB * kMiB) + " or a larger whole number of MiB");
  return {};
}

std::string_view to_string(ArtifactOrigin origin) {
  switch (origin) {
    case ArtifactOrigin::managed:
      return "managed";
    case ArtifactOrigin::custom_config:
      return "custom (machine description)";
    case ArtifactOrigin::custom_option:
      return "custom (command line)";
    case ArtifactOrigin::custom_environment:
      return "custom (SPOREVM_KERNEL_IMAGE)";
    case ArtifactOrigin::none:
      break;
  }
  return "none";
}

std::string_view to_string(LogLevel level) {
  return kLevelWords[static_cast<size_t>(level)];
}

Environment read_environment() {
  Environment environment;
  if (const char* image = std::getenv("SPOREVM_KERNEL_IMAGE"); image != nullptr && *image != '\0')
    environment.kernel_image = image;
  return environment;
}

Result<MachineConfig> apply_overrides(MachineConfig config, const Overrides& overrides,
                                      const Environment& environment) {
  if (overrides.memory) SPORE_CHECK(override_memory(config, *overrides.memory));
  if (environment.kernel_image && !environment.kernel_image->empty())
    config.boot.kernel = {ArtifactOrigin::custom_environment, *environment.kernel_image, {}};
  if (overrides.kernel) {
    SPORE_TRY(config.boot.kernel, read_artifact("--kernel", *overrides.kernel, false));
  }
  if (overrides.initrd) {
    SPORE_TRY(config.boot.initrd, read_artifact("--initrd", *overrides.initrd, true));
  }
  if (overrides.backend) SPORE_CHECK(override_backend(config, *overrides.backend));
  if (overrides.cpus) SPORE_CHECK(override_cpus(config, *overrides.cpus));
  SPORE_CHECK(override_path("--capture", overrides.capture, config.capture));
  SPORE_CHECK(override_path("--resume", overrides.resume, config.resume));
  if (!overrides.argv.empty()) {
    if (overrides.argv.front().empty()) return option_error("the command", "the program's name is empty");
    config.workload.argv = overrides.argv;
    config.workload.argv_at = {};
  }
  if (overrides.json) config.report = ReportFormat::json;
  return config;
}

Result<void> check_runnable(const MachineConfig& config) {
  if (!config.workload.argv.empty() || config.resume || config.boot.initrd.origin != ArtifactOrigin::managed) return {};
  return fail(SPORE_E_INVALID, config.file +
                                   ": there is nothing to run; add workload: {argv: [\"/bin/true\"]}, or give "
                                   "a command after -- on the command line");
}

} // namespace sporehost
