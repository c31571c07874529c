#include "core/config/machine_config.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "core/base/size.hpp"
#include "core/base/text.hpp"
#include "core/config/words.hpp"
#include "core/config/yaml_node.hpp"
#include "core/config/yaml_reader.hpp"

namespace sporehost {
namespace {

namespace fs = std::filesystem;
using Kind = YamlNode::Kind;
using spore::Result;

// The part of a file name before its last dot, if it can serve as a machine's name.
std::string default_name(const std::string& file) {
  const std::string stem = fs::path(file).stem().string();
  return is_instance_name(stem) ? stem : "machine";
}

class ConfigReader {
 public:
  ConfigReader(Diagnostics& diagnostics, fs::path folder) : diagnostics_(diagnostics), folder_(std::move(folder)) {}

  void read(const YamlNode& root, MachineConfig& config) {
    MapReader map(diagnostics_, root, "");
    read_version(root, map.get("version"));
    if (const auto* node = map.get("name")) read_name(*node, "name", config.name);
    if (const auto* node = map.get("boot")) read_boot(*node, config.boot);
    if (const auto* node = map.get("cpus"))
      if (const auto value = read_number(diagnostics_, *node, "cpus", 1, kMostCpus))
        config.cpus = static_cast<uint32_t>(*value);
    config.memory.policy = default_use("memory-policy-auto");
    if (const auto* node = map.get("memory")) read_memory(*node, config.memory);
    if (const auto* node = map.get("backend")) config.backend = read_backend(*node);
    const auto* devices = map.get("devices");
    config.devices = devices ? read_devices(*devices) : default_devices();
    if (devices) config.devices_at = devices->at;
    if (const auto* node = map.get("workload")) read_workload(*node, config.workload);
    config.capture = read_path(map.get("capture"), "capture");
    config.resume = read_path(map.get("resume"), "resume");
    if (const auto* node = map.get("lifecycle")) read_lifecycle(*node, config.lifecycle);
    if (const auto* node = map.get("plugins")) read_plugins(*node, config.plugin_path);
    if (const auto* node = map.get("kernel")) read_kernel(*node, config.kernel);
    if (const auto* node = map.get("report")) read_word(*node, "report", kReportWords, config.report);
    if (const auto* node = map.get("log")) read_log(*node, config.log);
    map.finish();
  }

 private:
  template <typename Enum, size_t n>
  void read_word(const YamlNode& node, std::string_view what, const std::array<std::string, n>& words, Enum& out) {
    if (const auto index = read_choice(diagnostics_, node, what, words)) out = static_cast<Enum>(*index);
  }

  void read_version(const YamlNode& root, const YamlNode* node) {
    if (node == nullptr) {
      if (root.kind == Kind::mapping || root.kind == Kind::null)
        diagnostics_.add(root.at, "the key 'version' is missing; begin the file with: version: 1");
      return;
    }
    if (node->kind == Kind::scalar && !node->quoted && node->text == "1") return;
    report_wrong_word(diagnostics_, *node, "version", "1, the only version that this program reads");
  }

  void read_name(const YamlNode& node, std::string_view what, std::string& out) {
    const auto text = read_text(diagnostics_, node, what, "a name");
    if (!text) return;
    if (is_instance_name(*text))
      out = *text;
    else
      diagnostics_.add(node.at, quote(what) + ": " + quote(*text) + kNameRule);
  }

  std::optional<fs::path> read_path(const YamlNode* node, std::string_view what) {
    if (node == nullptr) return std::nullopt;
    const auto text = read_text(diagnostics_, *node, what, "a path");
    if (!text) return std::nullopt;
    const std::string mistake = path_mistake(*text);
    if (mistake.empty()) return (folder_ / *text).lexically_normal();
    diagnostics_.add(node->at,
                     quote(what) + ": " + mistake + (text->empty() ? "; remove the key or write a path" : ""));
    return std::nullopt;
  }

  void read_artifact(const YamlNode* node, std::string_view what, bool can_be_none, Artifact& out) {
    if (node == nullptr) return;
    const auto text =
        read_text(diagnostics_, *node, what, can_be_none ? "managed, none or a path" : "managed or a path");
    if (!text) return;
    if (*text == "managed")
      out = {};
    else if (*text == "none" && can_be_none)
      out = {ArtifactOrigin::none, {}, node->at};
    else if (*text == "none")
      diagnostics_.add(node->at, quote(what) + ": a machine needs a kernel; write managed or a path");
    else if (const auto path = read_path(node, what))
      out = {ArtifactOrigin::custom_config, *path, node->at};
  }

  // COMMAND_LINE_SIZE of x86 and arm64, without the NUL. A kernel that takes less says so when it is loaded.
  static constexpr size_t kMostCmdline = 2047;

  void read_boot(const YamlNode& node, BootConfig& boot) {
    MapReader map(diagnostics_, node, "boot");
    read_artifact(map.get("kernel"), "boot.kernel", false, boot.kernel);
    read_artifact(map.get("initrd"), "boot.initrd", true, boot.initrd);
    if (const auto* cmdline = map.get("cmdline")) {
      const auto text = read_text(diagnostics_, *cmdline, "boot.cmdline", "text");
      if (text && text->find_first_of("\n\r") != std::string::npos)
        diagnostics_.add(cmdline->at, "'boot.cmdline': the kernel command line is one line; use '>-' to fold several");
      else if (text && text->size() > kMostCmdline)
        diagnostics_.add(cmdline->at, "'boot.cmdline': " + std::to_string(text->size()) + " bytes; Linux takes " +
                                          std::to_string(kMostCmdline) +
                                          " on its command line, the machine's own words included; shorten it");
      else if (text)
        boot.cmdline = *text;
      boot.cmdline_at = cmdline->at;
    }
    map.finish();
  }

  void read_memory_size(const YamlNode& node, std::string_view what, MemoryConfig& memory) {
    if (node.kind == Kind::scalar && node.text == "auto") return;
    if (node.kind != Kind::scalar) return report_wrong_type(diagnostics_, node, what, "auto or a size such as 512MiB");
    const auto size = read_size(diagnostics_, node, what);
    if (!size) return;
    if (auto checked = check_memory_size(*size); !checked)
      diagnostics_.add(node.at, quote(what) + ": " + checked.error().text);
    else
      memory.size = *size;
    memory.size_at = node.at;
  }

  void read_memory(const YamlNode& node, MemoryConfig& memory) {
    if (node.kind != Kind::mapping) return read_memory_size(node, "memory", memory);
    MapReader map(diagnostics_, node, "memory");
    if (const auto* size = map.get("size")) read_memory_size(*size, "memory.size", memory);
    if (const auto* policy = map.get("policy"))
      if (auto use = read_use(*policy, "memory.policy", false)) memory.policy = std::move(*use);
    map.finish();
  }

  PluginUse default_use(const std::string& plugin) {
    PluginUse use;
    use.plugin = use.name = plugin;
    use.options.file = diagnostics_.file();
    return use;
  }

  std::optional<std::string> read_plugin_id(const YamlNode& node, std::string_view what) {
    auto text = read_text(diagnostics_, node, what, "a plugin's id, such as virtio-rng");
    if (!text || is_plugin_id(*text)) return text;
    diagnostics_.add(node.at, quote(what) + ": " + quote(*text) + kPluginIdRule);
    return std::nullopt;
  }

  // A plugin's id, or {plugin, name?, options?}. `name` is left empty where the file gives none.
  std::optional<PluginUse> read_use(const YamlNode& node, const std::string& what, bool named) {
    PluginUse use = default_use("");
    use.at = node.at;
    if (node.kind == Kind::scalar) {
      const auto id = read_plugin_id(node, what);
      if (!id) return std::nullopt;
      use.plugin = *id;
      return use;
    }
    if (node.kind != Kind::mapping) {
      report_wrong_type(diagnostics_, node, what, "a plugin's id or a mapping with the key 'plugin'");
      return std::nullopt;
    }
    MapReader map(diagnostics_, node, what);
    const YamlNode* plugin = map.get("plugin");
    if (plugin == nullptr) diagnostics_.add(node.at, quote(what) + ": the key 'plugin' is missing");
    const auto id = plugin ? read_plugin_id(*plugin, what + ".plugin") : std::nullopt;
    if (named)
      if (const auto* name = map.get("name")) read_name(*name, what + ".name", use.name);
    if (const auto* options = map.get("options")) read_options(*options, what + ".options", use.options);
    map.finish();
    if (!id) return std::nullopt;
    use.plugin = *id;
    return use;
  }

  void read_options(const YamlNode& node, const std::string& what, OptionTree& out) {
    if (node.kind != Kind::mapping && node.kind != Kind::null)
      return report_wrong_type(diagnostics_, node, what, "a mapping of keys to values");
    out = make_option_tree(node, diagnostics_);
    if (node.kind == Kind::null) out.value = nlohmann::json::object();
  }

  std::optional<PluginUse> read_backend(const YamlNode& node) {
    if (node.kind == Kind::scalar && node.text == "auto") return std::nullopt;
    auto use = read_use(node, "backend", false);
    if (use) use->name = use->plugin;
    return use;
  }

  std::vector<PluginUse> default_devices() {
    std::vector<PluginUse> devices;
    for (const char* id : {"virtio-mem", "virtio-console", "virtio-rng", kBoardSerial})
      devices.push_back(default_use(id));
    return devices;
  }

  std::vector<PluginUse> read_devices(const YamlNode& node) {
    std::vector<PluginUse> devices;
    if (node.kind != Kind::sequence) {
      report_wrong_type(diagnostics_, node, "devices", "a list of devices (write [] for none)");
      return devices;
    }
    if (node.items.size() > kMostDevices) {
      diagnostics_.add(node.at, "'devices': " + std::to_string(node.items.size()) + " devices; at most " +
                                    std::to_string(kMostDevices) + " fit on the board");
      return devices;
    }
    for (size_t i = 0; i < node.items.size(); ++i)
      if (auto use = read_use(node.items[i], "devices[" + std::to_string(i) + "]", true)) {
        if (use->plugin == "serial") use->plugin = kBoardSerial;
        devices.push_back(std::move(*use));
      }
    give_names(devices);
    return devices;
  }

  // Names that the file gives come first, so that a made-up one never takes a given one.
  void give_names(std::vector<PluginUse>& devices) {
    std::set<std::string> taken;
    for (const PluginUse& device : devices)
      if (!device.name.empty() && !taken.insert(device.name).second)
        diagnostics_.add(device.at, "'devices': two devices have the name " + quote(device.name) + "; rename one");
    for (PluginUse& device : devices) {
      if (!device.name.empty()) continue;
      device.name = device.plugin;
      for (int n = 2; !taken.insert(device.name).second; ++n) device.name = device.plugin + "-" + std::to_string(n);
    }
  }

  void read_workload(const YamlNode& node, WorkloadConfig& workload) {
    MapReader map(diagnostics_, node, "workload");
    if (const auto* argv = map.get("argv")) {
      workload.argv_at = argv->at;
      read_argv(*argv, workload.argv);
    }
    if (const auto* env = map.get("env")) {
      workload.env_at = env->at;
      read_env(*env, workload.env);
    }
    if (const auto* cwd = map.get("cwd")) {
      const auto text = read_text(diagnostics_, *cwd, "workload.cwd", "an absolute path in the guest");
      if (text && !text->starts_with('/'))
        diagnostics_.add(cwd->at, "'workload.cwd': expected an absolute path in the guest, got " + quote(*text));
      else if (text)
        workload.cwd = *text;
    }
    if (const auto* wait = map.get("wait-for-memory"))
      workload.wait_for_memory = read_bool(diagnostics_, *wait, "workload.wait-for-memory").value_or(false);
    map.finish();
  }

  void read_argv(const YamlNode& node, std::vector<std::string>& argv) {
    if (node.kind != Kind::sequence)
      return report_wrong_type(diagnostics_, node, "workload.argv", "a list such as [\"/bin/echo\", \"hello\"]");
    for (const YamlNode& item : node.items)
      if (auto text = read_text(diagnostics_, item, "workload.argv", "text (write \"\" for an empty argument)"))
        argv.push_back(std::move(*text));
    if (node.items.empty() || (!argv.empty() && argv.front().empty()))
      diagnostics_.add(node.at, "'workload.argv': the command is empty; its first word is the program to run");
  }

  void read_env(const YamlNode& node, std::vector<std::pair<std::string, std::string>>& env) {
    if (node.kind == Kind::null) return;
    if (node.kind != Kind::mapping)
      return report_wrong_type(diagnostics_, node, "workload.env", "a mapping such as {KEY: value}");
    for (const YamlEntry& entry : node.entries) {
      if (entry.key.empty() || entry.key.find('=') != std::string::npos)
        diagnostics_.add(entry.key_at, "'workload.env': " + quote(entry.key) +
                                           " is not a variable's name; it must not be empty or hold '='");
      if (auto text =
              read_text(diagnostics_, entry.value, "workload.env." + entry.key, "text (write \"\" for an empty value)"))
        env.emplace_back(entry.key, std::move(*text));
    }
  }

  void read_lifecycle(const YamlNode& node, LifecycleConfig& lifecycle) {
    MapReader map(diagnostics_, node, "lifecycle");
    if (const auto* ready = map.get("ready-timeout"))
      read_timeout(*ready, "lifecycle.ready-timeout", lifecycle.ready_timeout);
    if (const auto* grace = map.get("stop-grace"))
      if (const auto value = read_duration(diagnostics_, *grace, "lifecycle.stop-grace")) lifecycle.stop_grace = *value;
    if (const auto* run = map.get("run-timeout"); run && !(run->kind == Kind::scalar && run->text == "none")) {
      std::chrono::milliseconds value{0};
      read_timeout(*run, "lifecycle.run-timeout", value);
      lifecycle.run_timeout = value;
    }
    if (const auto* reset = map.get("on-guest-reset"))
      read_word(*reset, "lifecycle.on-guest-reset", kResetWords, lifecycle.on_guest_reset);
    if (const auto* most = map.get("restart-max")) read_restart_max(*most, lifecycle.restart_max);
    map.finish();
  }

  void read_restart_max(const YamlNode& node, std::optional<uint32_t>& most) {
    if (node.kind == Kind::scalar && node.text == "none") return most.reset();
    if (const auto value = read_number(diagnostics_, node, "lifecycle.restart-max", 0, 1'000'000))
      most = static_cast<uint32_t>(*value);
  }

  void read_timeout(const YamlNode& node, std::string_view what, std::chrono::milliseconds& out) {
    const auto value = read_duration(diagnostics_, node, what);
    if (!value) return;
    if (value->count() == 0)
      diagnostics_.add(node.at, quote(what) + ": must be longer than 0");
    else
      out = *value;
  }

  void read_plugins(const YamlNode& node, std::vector<fs::path>& folders) {
    MapReader map(diagnostics_, node, "plugins");
    if (const auto* path = map.get("path")) {
      if (path->kind != Kind::sequence) report_wrong_type(diagnostics_, *path, "plugins.path", "a list of folders");
      for (const YamlNode& item : path->items)
        if (auto folder = read_path(&item, "plugins.path")) folders.push_back(std::move(*folder));
    }
    map.finish();
  }

  void read_kernel(const YamlNode& node, ManagedKernelConfig& kernel) {
    MapReader map(diagnostics_, node, "kernel");
    kernel.directory = read_path(map.get("directory"), "kernel.directory");
    kernel.initrd_cache = read_path(map.get("initrd-cache"), "kernel.initrd-cache");
    kernel.cache = read_path(map.get("cache"), "kernel.cache");
    if (const auto* sources = map.get("sources")) read_kernel_sources(*sources, kernel.sources);
    if (const auto* offline = map.get("offline"))
      kernel.offline = read_bool(diagnostics_, *offline, "kernel.offline").value_or(false);
    if (const auto* flavour = map.get("flavour"))
      if (const auto index = read_choice(diagnostics_, *flavour, "kernel.flavour", kFlavourWords))
        kernel.flavour = kFlavourWords[*index];
    if (const auto* release = map.get("release")) read_kernel_release(*release, kernel.release);
    map.finish();
  }

  void read_kernel_sources(const YamlNode& node, std::vector<std::string>& sources) {
    if (node.kind != Kind::sequence || node.items.empty())
      return report_wrong_type(diagnostics_, node, "kernel.sources", "a list such as [cache, release]");
    for (const YamlNode& item : node.items)
      if (const auto index = read_choice(diagnostics_, item, "kernel.sources", kKernelSourceWords))
        sources.push_back(kKernelSourceWords[*index]);
  }

  void read_kernel_release(const YamlNode& node, KernelReleaseConfig& release) {
    MapReader map(diagnostics_, node, "kernel.release");
    const auto read = [&](const char* key, std::optional<std::string>& out) {
      if (const auto* value = map.get(key))
        out = read_text(diagnostics_, *value, std::string("kernel.release.") + key, "text");
    };
    read("repository", release.repository);
    read("tag", release.tag);
    read("version", release.version);
    read("base-url", release.base_url);
    read("sha256", release.sha256);
    map.finish();
  }

  void read_log(const YamlNode& node, LogConfig& log) {
    MapReader map(diagnostics_, node, "log");
    if (const auto* level = map.get("level")) read_word(*level, "log.level", kLevelWords, log.level);
    log.file = read_path(map.get("file"), "log.file");
    map.finish();
  }

  Diagnostics& diagnostics_;
  fs::path folder_;
};

// `folder` is what paths in the text are relative to.
Result<MachineConfig> parse(std::string_view text, const std::string& file, const std::string& machine,
                            const fs::path& folder) {
  SPORE_TRY(const YamlNode root, parse_yaml(text, file));
  Diagnostics diagnostics(file);
  MachineConfig config;
  config.file = file;
  config.name = machine;
  ConfigReader(diagnostics, folder).read(root, config);
  if (!diagnostics.empty()) return diagnostics.error();
  if (config.memory.policy.name.empty()) config.memory.policy.name = config.memory.policy.plugin;
  return config;
}

} // namespace

Result<MachineConfig> parse_machine_config(std::string_view text, const std::string& name) {
  return parse(text, name, default_name(name), fs::path(name).parent_path());
}

Result<MachineConfig> load_machine_config(const fs::path& path) {
  SPORE_TRY(const YamlText read, read_yaml_file(path.string()));
  if (read.is_file) return parse_machine_config(read.text, path.string());
  return parse(read.text, path == "-" ? "standard input" : path.string(), "machine", {});
}

} // namespace sporehost
