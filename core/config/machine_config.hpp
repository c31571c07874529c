// The machine description: what a YAML file (version 1) says, typed, with defaults filled in and paths resolved.
//
// Plain structs, owned by whoever loads them; no plugin is loaded to make them. Options of plugins are kept as they
// stand in the file and are checked later, against the schema of the plugin (option_schema.hpp).
// Thread tag: [main]. Units: sizes in bytes, times in milliseconds.
#pragma once

#include <sporehost/result.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config/diagnostics.hpp"
#include "core/config/option_tree.hpp"

namespace sporehost {

// Where the kernel or the initrd comes from. The memory policy decides on it: only a managed kernel with a managed
// initrd is known to be able to grow.
enum class ArtifactOrigin {
  managed,            // the project's own; the resolver finds, checks and caches it
  custom_config,      // a path in the YAML file
  custom_option,      // a path on the command line
  custom_environment, // a path in SPOREVM_KERNEL_IMAGE (kernel only)
  none                // there is none (initrd only)
};
[[nodiscard]] std::string_view to_string(ArtifactOrigin origin);

// A kernel or an initrd. `path` is empty for managed and none.
struct Artifact {
  ArtifactOrigin origin = ArtifactOrigin::managed;
  std::filesystem::path path;
  Position at; // where the file names it; line 0: not from the file
};

// The serial port that software expects on the board of this architecture; `serial` in a list of devices stands for it.
#if defined(__aarch64__)
inline constexpr const char* kBoardSerial = "serial-pl011";
#else
inline constexpr const char* kBoardSerial = "serial-16550";
#endif

// One use of a plugin: a device, the backend or the memory policy.
struct PluginUse {
  std::string plugin; // id of the factory, such as virtio-mem
  std::string name;   // instance name, unique among the devices; the id (or id-2, id-3, ...) where none was given
  OptionTree options; // as written; an empty object where there are none
  Position at;        // where the file names it; line 0 for a default
};

struct BootConfig {
  Artifact kernel;
  Artifact initrd;
  std::string cmdline; // appended to the command line that the board makes; may be empty
  Position cmdline_at;
};

struct MemoryConfig {
  std::optional<uint64_t> size; // bytes, a multiple of 1 MiB and not 0; empty: auto
  Position size_at;             // line 0: not from the file
  PluginUse policy;             // memory-policy-auto where none is named; it makes an explicit size plain fixed RAM
};

struct WorkloadConfig {
  Position argv_at; // line 0: not from the file
  Position env_at;
  std::vector<std::string> argv;                        // empty: none given
  std::vector<std::pair<std::string, std::string>> env; // in the order of the file
  std::string cwd = "/";                                // in the guest, absolute
  bool wait_for_memory = false; // keep the guest after the workload ended until the policy's memory is plugged
};

enum class GuestReset { stop, restart };

struct LifecycleConfig {
  std::chrono::milliseconds ready_timeout{60'000};      // from the first vCPU entry to PID 1's first answer
  std::chrono::milliseconds stop_grace{10'000};         // between asking the guest to stop and destroying it
  std::optional<std::chrono::milliseconds> run_timeout; // whole run; empty: unlimited
  GuestReset on_guest_reset = GuestReset::stop;
  std::optional<uint32_t> restart_max = 10; // in a row, each soon after its start; empty: any number
};

// Files of a published release; what is absent has the resolver's default (core/kernel/settings.hpp).
struct KernelReleaseConfig {
  std::optional<std::string> repository, tag, version, base_url;
  std::optional<std::string> sha256; // the digest that the kernel must have
};

// The section `kernel:`, for the resolver of the managed kernel (core/kernel/resolver.hpp), which checks the texts.
struct ManagedKernelConfig {
  std::optional<std::filesystem::path> directory;    // a kernel folder, used instead of the sources
  std::optional<std::filesystem::path> initrd_cache; // where built initrds are kept
  std::optional<std::filesystem::path> cache;        // where fetched kernels are kept
  std::vector<std::string> sources;   // cache, release, distribution, build, in order; empty: all of them
  bool offline = false;               // fetch nothing
  std::optional<std::string> flavour; // of the source build: acpi or noacpi
  KernelReleaseConfig release;
};

enum class ReportFormat { text, json, none };

enum class LogLevel { trace, debug, info, warn, error, off };
[[nodiscard]] std::string_view to_string(LogLevel level);

struct LogConfig {
  LogLevel level = LogLevel::info;
  std::optional<std::filesystem::path> file; // standard error where absent
};

struct MachineConfig {
  std::string file;             // as given to the loader; for messages
  std::string name = "machine"; // letters, digits, '.', '_', '-'; the file's stem where absent
  BootConfig boot;
  uint32_t cpus = 1; // 1..64
  MemoryConfig memory;
  std::optional<PluginUse> backend; // empty: auto, the best usable one
  std::vector<PluginUse> devices;   // in the order of the file, which is the order on the board
  Position devices_at;              // of their list; line 0 for the default
  WorkloadConfig workload;
  std::optional<std::filesystem::path> capture; // where to write the machine's state
  std::optional<std::filesystem::path> resume;  // where to take it from
  LifecycleConfig lifecycle;
  std::vector<std::filesystem::path> plugin_path; // searched before the built-in folders
  ManagedKernelConfig kernel;
  ReportFormat report = ReportFormat::text;
  LogConfig log;
};

inline constexpr uint32_t kMostCpus = 64;
inline constexpr size_t kMostDevices = 32;

// What a path in the text is relative to: the folder of the file. `managed`, `none` and `auto` are words, not paths;
// a file of that name is written ./managed.
//
// Errors: SPORE_E_INVALID with one `file:line:column: ...` line for each of up to 20 mistakes; the loader's own for a
// file that cannot be read (SPORE_E_NOT_FOUND, SPORE_E_PERMISSION, SPORE_E_IO).
//
// The loader takes `-` for standard input, and reads pipes and FIFOs as well, to their end and once. Paths in such a
// text are relative to the working directory, and the machine is called "machine" where it has no name.
[[nodiscard]] spore::Result<MachineConfig> load_machine_config(const std::filesystem::path& path);
[[nodiscard]] spore::Result<MachineConfig> parse_machine_config(std::string_view text, const std::string& name);

// What the command line says. Each value replaces the one of the file; an absent one changes nothing. Paths are
// relative to the working directory.
struct Overrides {
  std::optional<std::string> memory;  // auto | SIZE
  std::optional<std::string> kernel;  // managed | path
  std::optional<std::string> initrd;  // managed | none | path
  std::optional<std::string> capture; // path
  std::optional<std::string> resume;  // path
  std::optional<std::string> backend; // auto | plugin id; options of the file stay if it names the same backend
  std::optional<std::string> cpus;    // 1..64
  std::vector<std::string> argv;      // the workload's command; empty: as in the file
  bool json = false;                  // report: json
};

// What the environment says.
struct Environment {
  std::optional<std::string> kernel_image; // SPOREVM_KERNEL_IMAGE; an empty string counts as not set
};
[[nodiscard]] Environment read_environment();

// Command line before environment before file. Errors name the option or variable.
[[nodiscard]] spore::Result<MachineConfig> apply_overrides(MachineConfig config, const Overrides& overrides,
                                                           const Environment& environment = {});

// Whether there is something to run: a managed initrd needs a command, unless the machine resumes.
[[nodiscard]] spore::Result<void> check_runnable(const MachineConfig& config);

} // namespace sporehost
