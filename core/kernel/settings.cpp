#include "core/kernel/settings.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "core/base/text.hpp"
#include "core/kernel/installation.hpp"
#include "core/kernel/sha256.hpp"

namespace sporehost::kernel {

namespace fs = std::filesystem;
using spore::fail;
using spore::Result;

namespace {

// Parts of URLs and of file names: no blanks, quotes or "..".
Result<void> check_word(const char* what, const std::string& value, bool slash) {
  const bool good = std::all_of(value.begin(), value.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || c == '+' || (slash && c == '/');
  });
  if (good && !value.empty() && value.find("..") == std::string::npos && value.front() != '/' && value.front() != '-')
    return {};
  return fail(SPORE_E_INVALID, std::string(what) + ": " + quote(value) +
                                   " is not usable; use letters, digits and . _ - +" + (slash ? " and /" : ""));
}

Result<bool> read_switch(const char* name, const std::string& value) {
  if (value == "1" || value == "true" || value == "yes") return true;
  if (value == "0" || value == "false" || value == "no" || value.empty()) return false;
  return fail(SPORE_E_INVALID, std::string(name) + ": expected 1 or 0, got " + quote(value));
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// Empty: nobody says where, which matters only to who needs the cache (check_cache).
fs::path cache_folder(const ManagedKernelConfig& config, const Variables& variables) {
  if (std::string value = variables("SPOREHOST_CACHE"); !value.empty()) return value;
  if (config.cache) return *config.cache;
  if (const std::string value = variables("XDG_CACHE_HOME"); !value.empty()) return fs::path(value) / "sporehost";
  if (const std::string value = variables("HOME"); !value.empty()) return fs::path(value) / ".cache/sporehost";
  return {};
}

void override_text(std::string& value, const std::optional<std::string>& from_file,
                   const std::string& from_environment) {
  if (from_file) value = *from_file;
  if (!from_environment.empty()) value = from_environment;
}

Result<void> read_release(const ManagedKernelConfig& config, const Variables& variables, ReleaseSettings& release) {
  override_text(release.repository, config.release.repository, variables("SPOREHOST_KERNEL_REPOSITORY"));
  override_text(release.tag, config.release.tag, variables("SPOREHOST_KERNEL_TAG"));
  override_text(release.version, config.release.version, variables("SPOREHOST_KERNEL_VERSION"));
  override_text(release.base_url, config.release.base_url, variables("SPOREHOST_KERNEL_BASE_URL"));
  override_text(release.sha256, config.release.sha256, variables("SPOREHOST_KERNEL_SHA256"));
  while (release.base_url.ends_with('/')) release.base_url.pop_back();
  SPORE_CHECK(check_word("kernel.release.repository", release.repository, true));
  SPORE_CHECK(check_word("kernel.release.tag", release.tag, false));
  SPORE_CHECK(check_word("kernel.release.version", release.version, false));
  if (!release.sha256.empty() && !is_sha256(release.sha256))
    return fail(SPORE_E_INVALID, "kernel.release.sha256: " + quote(release.sha256) +
                                     " is not a SHA-256 digest of 64 lower-case hexadecimal digits");
  return {};
}

} // namespace

Variables process_environment() {
  return [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
}

const char* host_arch() {
#if defined(__x86_64__)
  return "x86_64";
#else
  return "arm64";
#endif
}

Result<void> check_source_name(const std::string& name) {
  static const std::array<std::string, 4> known = {"cache", "release", "distribution", "build"};
  if (std::find(known.begin(), known.end(), name) != known.end()) return {};
  return fail(SPORE_E_INVALID,
              quote(name) + " is no source of kernels" + did_you_mean(name, known) + "; there are " + join_or(known));
}

Result<void> check_cache(const KernelSettings& settings) {
  if (!settings.cache.empty()) return {};
  return fail(SPORE_E_NOT_FOUND,
              "no place for the cache: SPOREHOST_CACHE, XDG_CACHE_HOME and HOME are all unset, and "
              "the machine description has no kernel.cache; set one");
}

Result<KernelSettings> kernel_settings(const ManagedKernelConfig& config, const std::string& arch,
                                       const Variables& variables) {
  KernelSettings settings;
  settings.arch = arch.empty() ? host_arch() : arch;
  if (settings.arch == "amd64") settings.arch = "x86_64";
  if (settings.arch == "aarch64") settings.arch = "arm64";
  if (settings.arch != "x86_64" && settings.arch != "arm64")
    return fail(SPORE_E_INVALID, "unknown architecture " + quote(settings.arch) + "; use x86_64 or arm64");
  if (!config.sources.empty()) settings.sources = config.sources;
  if (const std::string list = variables("SPOREHOST_KERNEL_SOURCES"); !list.empty())
    settings.sources = split_list(list);
  for (const std::string& name : settings.sources)
    if (auto known = check_source_name(name); !known) return known.error().in("kernel.sources");
  SPORE_TRY(const bool offline, read_switch("SPOREHOST_OFFLINE", variables("SPOREHOST_OFFLINE")));
  settings.offline = offline || config.offline;
  settings.cache = cache_folder(config, variables);
  settings.initrd_cache = config.initrd_cache.value_or(settings.cache / "initrds");
  settings.agent = variables("SPOREHOST_AGENT");
  if (settings.agent.empty()) settings.agent = find_helper("sporehost-agent");
  settings.scripts = scripts_folder();
  SPORE_CHECK(read_release(config, variables, settings.release));
  override_text(settings.flavour, config.flavour, variables("SPOREHOST_KERNEL_FLAVOUR"));
  if (settings.flavour != "acpi" && settings.flavour != "noacpi")
    return fail(SPORE_E_INVALID, "kernel.flavour: " + quote(settings.flavour) + " is unknown; use acpi or noacpi");
  settings.ca_file = variables("SPOREHOST_KERNEL_CA");
  settings.supplier = variables("SPOREHOST_KERNEL_PROGRAM");
  if (settings.supplier.empty()) settings.supplier = find_helper("sporehost-kernel");
  return settings;
}

} // namespace sporehost::kernel
