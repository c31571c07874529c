#include "core/config/machine_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sporehost {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::Pair;

MachineConfig parsed(const std::string& text, const std::string& name = "/etc/vm/demo.yaml") {
  auto result = parse_machine_config(text, name);
  EXPECT_TRUE(result.ok()) << (result ? "" : result.error().text);
  return result ? *result : MachineConfig{};
}

// The error for a description that begins with `version: 1` in line 1; `text` begins in line 2.
std::string error_of(const std::string& text) {
  auto result = parse_machine_config("version: 1\n" + text, "m.yaml");
  return result ? "accepted" : result.error().text;
}

std::vector<std::string> ids(const MachineConfig& config) {
  std::vector<std::string> out;
  for (const PluginUse& device : config.devices) out.push_back(device.plugin + "/" + device.name);
  return out;
}

TEST(MachineConfig, DefaultsNeedOnlyTheVersion) {
  const MachineConfig config = parsed("version: 1\n");
  EXPECT_EQ(config.name, "demo");
  EXPECT_EQ(config.file, "/etc/vm/demo.yaml");
  EXPECT_EQ(config.boot.kernel.origin, ArtifactOrigin::managed);
  EXPECT_EQ(config.boot.initrd.origin, ArtifactOrigin::managed);
  EXPECT_EQ(config.boot.cmdline, "");
  EXPECT_EQ(config.cpus, 1u);
  EXPECT_FALSE(config.memory.size.has_value());
  EXPECT_EQ(config.memory.policy.plugin, "memory-policy-auto");
  EXPECT_EQ(config.memory.policy.at, Position{});
  EXPECT_FALSE(config.backend.has_value());
  EXPECT_THAT(ids(config), ElementsAre("virtio-mem/virtio-mem", "virtio-console/virtio-console",
                                       "virtio-rng/virtio-rng", std::string(kBoardSerial) + "/" + kBoardSerial));
  EXPECT_TRUE(config.devices[0].options.value.is_object());
  EXPECT_TRUE(config.workload.argv.empty());
  EXPECT_EQ(config.workload.cwd, "/");
  EXPECT_FALSE(config.workload.wait_for_memory);
  EXPECT_FALSE(config.capture || config.resume);
  EXPECT_EQ(config.lifecycle.ready_timeout, 60s);
  EXPECT_EQ(config.lifecycle.stop_grace, 10s);
  EXPECT_FALSE(config.lifecycle.run_timeout.has_value());
  EXPECT_EQ(config.lifecycle.on_guest_reset, GuestReset::stop);
  EXPECT_EQ(config.report, ReportFormat::text);
  EXPECT_EQ(config.log.level, LogLevel::info);
}

TEST(MachineConfig, ReadsEveryKey) {
  const MachineConfig config = parsed(R"(version: 1
name: web-1
boot: {kernel: images/vmlinuz, initrd: none, cmdline: quiet}
cpus: 64
memory: {size: 2GiB, policy: {plugin: my-policy, options: {floor: 1GiB}}}
backend: {plugin: kvm, options: {irqchip: split}}
devices:
  - virtio-rng
  - virtio-rng
  - {plugin: virtio-console, name: virtio-rng-2, options: {ports: 3}}
  - serial
workload: {argv: [/bin/echo, 5, "", true], env: {B: 2, A: ""}, cwd: /tmp, wait-for-memory: true}
capture: out
resume: /abs/../state
lifecycle: {ready-timeout: 500ms, stop-grace: 0s, run-timeout: 2min, on-guest-reset: restart, restart-max: 3}
plugins: {path: [plugins, /opt/p]}
kernel: {directory: ../k, initrd-cache: cache, cache: kernels, sources: [cache, build], offline: true, flavour: acpi,
         release: {repository: a/b, tag: v1, version: 6.6, base-url: "https://h", sha256: abc}}
report: none
log: {level: trace, file: vm.log}
)");
  EXPECT_EQ(config.name, "web-1");
  EXPECT_EQ(config.boot.kernel.origin, ArtifactOrigin::custom_config);
  EXPECT_EQ(config.boot.kernel.path, "/etc/vm/images/vmlinuz");
  EXPECT_EQ(config.boot.initrd.origin, ArtifactOrigin::none);
  EXPECT_EQ(config.boot.cmdline, "quiet");
  EXPECT_EQ(config.cpus, 64u);
  EXPECT_EQ(config.memory.size, uint64_t{2} << 30);
  EXPECT_EQ(config.memory.policy.plugin, "my-policy");
  EXPECT_EQ(config.memory.policy.name, "my-policy");
  EXPECT_EQ(config.memory.policy.options.value["floor"], "1GiB");
  ASSERT_TRUE(config.backend.has_value());
  EXPECT_EQ(config.backend->plugin, "kvm");
  EXPECT_EQ(config.backend->options.value["irqchip"], "split");
  EXPECT_THAT(ids(config), ElementsAre("virtio-rng/virtio-rng", "virtio-rng/virtio-rng-3",
                                       "virtio-console/virtio-rng-2", std::string(kBoardSerial) + "/" + kBoardSerial));
  EXPECT_EQ(config.devices[2].options.value["ports"], 3);
  EXPECT_EQ(config.devices[2].options.values.at("/ports"), (Position{10, 67}));
  EXPECT_THAT(config.workload.argv, ElementsAre("/bin/echo", "5", "", "true"));
  EXPECT_THAT(config.workload.env, ElementsAre(Pair("B", "2"), Pair("A", "")));
  EXPECT_EQ(config.workload.cwd, "/tmp");
  EXPECT_TRUE(config.workload.wait_for_memory);
  EXPECT_EQ(config.capture, "/etc/vm/out");
  EXPECT_EQ(config.resume, "/state");
  EXPECT_EQ(config.lifecycle.ready_timeout, 500ms);
  EXPECT_EQ(config.lifecycle.stop_grace, 0s);
  EXPECT_EQ(config.lifecycle.run_timeout, 2min);
  EXPECT_EQ(config.lifecycle.on_guest_reset, GuestReset::restart);
  EXPECT_EQ(config.lifecycle.restart_max, 3u);
  EXPECT_EQ(config.devices_at, (Position{8, 3}));
  EXPECT_THAT(config.plugin_path, ElementsAre("/etc/vm/plugins", "/opt/p"));
  EXPECT_EQ(config.kernel.directory, "/etc/k");
  EXPECT_EQ(config.kernel.initrd_cache, "/etc/vm/cache");
  EXPECT_EQ(config.kernel.cache, "/etc/vm/kernels");
  EXPECT_THAT(config.kernel.sources, ElementsAre("cache", "build"));
  EXPECT_TRUE(config.kernel.offline);
  EXPECT_EQ(config.kernel.flavour, "acpi");
  EXPECT_EQ(config.kernel.release.repository, "a/b");
  EXPECT_EQ(config.kernel.release.tag, "v1");
  EXPECT_EQ(config.kernel.release.version, "6.6");
  EXPECT_EQ(config.kernel.release.base_url, "https://h");
  EXPECT_EQ(config.kernel.release.sha256, "abc");
  EXPECT_EQ(config.report, ReportFormat::none);
  EXPECT_EQ(config.log.level, LogLevel::trace);
  EXPECT_EQ(config.log.file, "/etc/vm/vm.log");
}

TEST(MachineConfig, MemorySpellings) {
  EXPECT_FALSE(parsed("version: 1\nmemory: auto\n").memory.size);
  EXPECT_FALSE(parsed("version: 1\nmemory: {size: auto}\n").memory.size);
  EXPECT_EQ(parsed("version: 1\nmemory: 512MiB\n").memory.size, uint64_t{512} << 20);
  EXPECT_EQ(parsed("version: 1\nmemory: \"16G\"\n").memory.size, uint64_t{16} << 30);
  EXPECT_EQ(parsed("version: 1\nmemory: 1048576\n").memory.size, uint64_t{1} << 20);
  EXPECT_EQ(error_of("memory: 512\n"),
            "m.yaml:2:9: 'memory': a number without a unit counts bytes; write 512MiB if mebibytes are meant");
  EXPECT_EQ(error_of("memory: 0\n"),
            "m.yaml:2:9: 'memory': a machine needs memory; write auto or a size such as 512MiB");
  EXPECT_EQ(error_of("memory: 4KiB\n"), "m.yaml:2:9: 'memory': 4KiB is less than 1MiB; write a size such as 512MiB");
  EXPECT_EQ(error_of("memory: 1025KiB\n"),
            "m.yaml:2:9: 'memory': 1025KiB is not a multiple of 1MiB; write 1MiB or a larger whole number of MiB");
  EXPECT_EQ(error_of("memory: 2GB\n"),
            "m.yaml:2:9: 'memory': '2GB' is not a size: unit 'GB' is not accepted; write 2GiB");
  EXPECT_EQ(error_of("memory: 17592186044416MiB\n"),
            "m.yaml:2:9: 'memory': '17592186044416MiB' is too large: it does not fit into 64 bits");
  EXPECT_EQ(error_of("memory: [512MiB]\n"), "m.yaml:2:9: 'memory': expected auto or a size such as 512MiB, got a list");
  EXPECT_EQ(error_of("memory:\n"), "m.yaml:2:1: 'memory': expected auto or a size such as 512MiB, got nothing");
  EXPECT_EQ(error_of("memory: {size: {}}\n"),
            "m.yaml:2:16: 'memory.size': expected auto or a size such as 512MiB, got a mapping");
}

TEST(MachineConfig, UnknownKeysAreRefusedWithASuggestion) {
  EXPECT_EQ(error_of("memroy: auto\n"), "m.yaml:2:1: unknown key 'memroy' (did you mean 'memory'?)");
  EXPECT_EQ(error_of("boot: {kernal: managed}\n"),
            "m.yaml:2:8: unknown key 'kernal' in 'boot' (did you mean 'kernel'?)");
  EXPECT_EQ(error_of("log: {colour: true}\n"),
            "m.yaml:2:7: unknown key 'colour' in 'log'; the keys here are level or file");
  EXPECT_EQ(error_of("devices: [{plugin: a, option: {}}]\n"),
            "m.yaml:2:23: unknown key 'option' in 'devices[0]' (did you mean 'options'?)");
  EXPECT_EQ(error_of("backend: {plugin: kvm, name: x}\n"),
            "m.yaml:2:24: unknown key 'name' in 'backend'; the keys here are plugin or options");
  EXPECT_EQ(error_of("kernel: {source: x}\n"),
            "m.yaml:2:10: unknown key 'source' in 'kernel' (did you mean 'sources'?)");
  EXPECT_EQ(error_of("kernel: {release: {tags: v1}}\n"),
            "m.yaml:2:20: unknown key 'tags' in 'kernel.release' (did you mean 'tag'?)");
}

TEST(MachineConfig, WrongTypesAndValues) {
  EXPECT_EQ(error_of("cpus: 65\n"), "m.yaml:2:7: 'cpus': expected a whole number from 1 to 64, got '65'");
  EXPECT_EQ(error_of("cpus: 0\n"), "m.yaml:2:7: 'cpus': expected a whole number from 1 to 64, got '0'");
  EXPECT_EQ(error_of("cpus: -1\n"), "m.yaml:2:7: 'cpus': expected a whole number from 1 to 64, got '-1'");
  EXPECT_EQ(error_of("cpus: 99999999999999999999\n"),
            "m.yaml:2:7: 'cpus': expected a whole number from 1 to 64, got '99999999999999999999'");
  EXPECT_EQ(error_of("cpus: \"2\"\n"),
            "m.yaml:2:7: 'cpus': expected a whole number from 1 to 64, got the text '2'; write it without quotes");
  EXPECT_EQ(error_of("name: no spaces\n"),
            "m.yaml:2:7: 'name': 'no spaces' is not a name; use letters, digits, '.', '_' and '-', at most 63, the "
            "first a letter or digit");
  EXPECT_EQ(error_of("boot: x\n"), "m.yaml:2:7: 'boot': expected a mapping of keys to values, got 'x'");
  EXPECT_EQ(error_of("boot: {kernel: none}\n"),
            "m.yaml:2:16: 'boot.kernel': a machine needs a kernel; write managed or a path");
  EXPECT_EQ(error_of("boot: {kernel: \"\"}\n"),
            "m.yaml:2:16: 'boot.kernel': the path is empty; remove the key or write a path");
  EXPECT_EQ(error_of("boot: {initrd: []}\n"),
            "m.yaml:2:16: 'boot.initrd': expected managed, none or a path, got a list");
  EXPECT_EQ(error_of("boot: {cmdline: \"a\\nb\"}\n"),
            "m.yaml:2:17: 'boot.cmdline': the kernel command line is one line; use '>-' to fold several");
  EXPECT_EQ(error_of("boot: {cmdline: " + std::string(2048, 'x') + "}\n"),
            "m.yaml:2:17: 'boot.cmdline': 2048 bytes; Linux takes 2047 on its command line, the machine's own words "
            "included; shorten it");
  EXPECT_EQ(error_of("capture: \"\"\n"), "m.yaml:2:10: 'capture': the path is empty; remove the key or write a path");
  EXPECT_EQ(error_of("report: jsno\n"),
            "m.yaml:2:9: 'report': expected text, json or none, got 'jsno' (did you mean 'json'?)");
  EXPECT_EQ(error_of("log: {level: verbose}\n"),
            "m.yaml:2:14: 'log.level': expected trace, debug, info, warn, error or off, got 'verbose'");
  EXPECT_EQ(error_of("plugins: {path: here}\n"), "m.yaml:2:17: 'plugins.path': expected a list of folders, got 'here'");
}

TEST(MachineConfig, LifecycleErrors) {
  EXPECT_EQ(error_of("lifecycle: {ready-timeout: 30}\n"),
            "m.yaml:2:28: 'lifecycle.ready-timeout': '30' is not a duration: the unit is missing; write 30s for "
            "seconds or 30ms for milliseconds");
  EXPECT_EQ(error_of("lifecycle: {ready-timeout: 0s}\n"),
            "m.yaml:2:28: 'lifecycle.ready-timeout': must be longer than 0");
  EXPECT_EQ(error_of("lifecycle: {run-timeout: 0s}\n"), "m.yaml:2:26: 'lifecycle.run-timeout': must be longer than 0");
  EXPECT_EQ(error_of("lifecycle: {stop-grace: {}}\n"),
            "m.yaml:2:25: 'lifecycle.stop-grace': expected a duration such as 30s, got a mapping");
  EXPECT_EQ(error_of("lifecycle: {stop-grace: 8785h}\n"),
            "m.yaml:2:25: 'lifecycle.stop-grace': '8785h' is too long; at most 8784h (one year)");
  EXPECT_EQ(error_of("lifecycle: {on-guest-reset: reboot}\n"),
            "m.yaml:2:29: 'lifecycle.on-guest-reset': expected stop or restart, got 'reboot'");
  EXPECT_FALSE(parsed("version: 1\nlifecycle: {run-timeout: none}\n").lifecycle.run_timeout);
}

TEST(MachineConfig, DeviceErrors) {
  EXPECT_EQ(error_of("devices: virtio-rng\n"),
            "m.yaml:2:10: 'devices': expected a list of devices (write [] for none), got 'virtio-rng'");
  EXPECT_EQ(error_of("devices: [[]]\n"),
            "m.yaml:2:11: 'devices[0]': expected a plugin's id or a mapping with the key 'plugin', got a list");
  EXPECT_EQ(error_of("devices: [{name: x}]\n"), "m.yaml:2:11: 'devices[0]': the key 'plugin' is missing");
  EXPECT_EQ(error_of("devices: [../evil.so]\n"),
            "m.yaml:2:11: 'devices[0]': '../evil.so' is not a plugin's id; an id has lower-case letters and digits, "
            "with single hyphens between, such as virtio-rng");
  for (const char* id : {"my_rng", "my.rng", "a--b", "-a", "a-", "Rng"})
    EXPECT_NE(error_of("devices: [" + std::string(id) + "]\n").find("is not a plugin's id"), std::string::npos) << id;
  EXPECT_EQ(error_of("devices: [{plugin: a, name: x}, {plugin: b, name: x}]\n"),
            "m.yaml:2:33: 'devices': two devices have the name 'x'; rename one");
  EXPECT_EQ(error_of("devices: [{plugin: a, options: [1]}]\n"),
            "m.yaml:2:32: 'devices[0].options': expected a mapping of keys to values, got a list");
  EXPECT_EQ(error_of("devices: [{plugin: a, options: {x: .nan}}]\n"),
            "m.yaml:2:36: '.nan': infinity and not-a-number are no option values");
  EXPECT_EQ(error_of("devices: [{plugin: a, options: {x: 9223372036854775808}}]\n"),
            "m.yaml:2:36: '9223372036854775808': the number does not fit into 64 bits; put it in quotes if it is text");
  std::string many = "devices:\n";
  for (int i = 0; i < 33; ++i) many += "- virtio-rng\n";
  EXPECT_EQ(error_of(many), "m.yaml:3:1: 'devices': 33 devices; at most 32 fit on the board");
  EXPECT_TRUE(parsed("version: 1\ndevices: []\n").devices.empty());
}

TEST(MachineConfig, WorkloadErrors) {
  EXPECT_EQ(error_of("workload: {argv: []}\n"),
            "m.yaml:2:18: 'workload.argv': the command is empty; its first word is the program to run");
  EXPECT_EQ(error_of("workload: {argv: [\"\"]}\n"),
            "m.yaml:2:18: 'workload.argv': the command is empty; its first word is the program to run");
  EXPECT_EQ(error_of("workload: {argv: /bin/true}\n"),
            "m.yaml:2:18: 'workload.argv': expected a list such as [\"/bin/echo\", \"hello\"], got '/bin/true'");
  EXPECT_EQ(error_of("workload: {argv: [a, ~]}\n"),
            "m.yaml:2:22: 'workload.argv': expected text (write \"\" for an empty argument), got nothing");
  EXPECT_EQ(error_of("workload: {env: {\"A=B\": c}}\n"),
            "m.yaml:2:18: 'workload.env': 'A=B' is not a variable's name; it must not be empty or hold '='");
  EXPECT_EQ(error_of("workload: {env: {A: }}\n"),
            "m.yaml:2:18: 'workload.env.A': expected text (write \"\" for an empty value), got nothing");
  EXPECT_EQ(error_of("workload: {cwd: tmp}\n"),
            "m.yaml:2:17: 'workload.cwd': expected an absolute path in the guest, got 'tmp'");
  EXPECT_EQ(error_of("workload: {wait-for-memory: yes}\n"),
            "m.yaml:2:29: 'workload.wait-for-memory': expected true or false, got 'yes'");
}

TEST(MachineConfig, Version) {
  EXPECT_EQ(parse_machine_config("name: x\n", "m.yaml").error().text,
            "m.yaml:1:1: the key 'version' is missing; begin the file with: version: 1");
  EXPECT_EQ(parse_machine_config("version: 2\n", "m.yaml").error().text,
            "m.yaml:1:10: 'version': expected 1, the only version that this program reads, got '2'");
  EXPECT_EQ(parse_machine_config("[]\n", "m.yaml").error().text,
            "m.yaml:1:1: 'the file': expected a mapping of keys to values, got a list");
}

TEST(MachineConfig, ReportsAllMistakesInTheOrderOfTheFile) {
  EXPECT_EQ(error_of("log: {levle: info}\ncpus: many\nboot: {kernel: []}\nzzz: 1\n"),
            "m.yaml:2:7: unknown key 'levle' in 'log' (did you mean 'level'?)\n"
            "m.yaml:3:7: 'cpus': expected a whole number from 1 to 64, got 'many'\n"
            "m.yaml:4:16: 'boot.kernel': expected managed or a path, got a list\n"
            "m.yaml:5:1: unknown key 'zzz'; the keys here are version, name, boot, cpus, memory, backend, devices, "
            "workload, capture, resume, lifecycle, plugins, kernel, report or log");
  std::string many;
  for (int i = 0; i < 25; ++i) many += "unknown-" + std::to_string(i) + ": 1\n";
  const std::string text = error_of(many);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 20);
  EXPECT_TRUE(text.ends_with("\nm.yaml: and 5 more errors")) << text;
}

TEST(MachineConfig, SectionsThatHoldNothingAreTheDefaults) {
  const MachineConfig config = parsed("version: 1\nboot:\nworkload:\nlifecycle:\n  # all commented out\nlog:\n");
  EXPECT_EQ(config.lifecycle.ready_timeout, 60s);
}

TEST(MachineConfig, OptionScalarsFollowTheCoreSchema) {
  const MachineConfig config = parsed(R"(version: 1
devices:
  - plugin: a
    options: {i: 12, n: -3, h: 0x1F, o: 0o17, f: 1.5, e: 1e3, b: true, s: yes, q: "12", z: ~, l: [1, x], m: {k: "true"},
      big: 9223372036854775807, size: 512MiB, v: 1.2.3, p: +7}
)");
  const nlohmann::json expected = {{"i", 12},
                                   {"n", -3},
                                   {"h", 31},
                                   {"o", 15},
                                   {"f", 1.5},
                                   {"e", 1000.0},
                                   {"b", true},
                                   {"s", "yes"},
                                   {"q", "12"},
                                   {"z", nullptr},
                                   {"l", {1, "x"}},
                                   {"m", {{"k", "true"}}},
                                   {"big", 9223372036854775807},
                                   {"size", "512MiB"},
                                   {"v", "1.2.3"},
                                   {"p", 7}};
  EXPECT_EQ(config.devices.at(0).options.value, expected);
  EXPECT_TRUE(config.devices[0].options.value["i"].is_number_integer());
  EXPECT_TRUE(config.devices[0].options.value["e"].is_number_float());
}

TEST(MachineConfig, NameComesFromTheFileWhereItCan) {
  EXPECT_EQ(parsed("version: 1\n", "a b.yaml").name, "machine");
  EXPECT_EQ(parsed("version: 1\n", "web.yaml").name, "web");
}

TEST(MachineConfig, PathsWithoutAFolderStayRelative) {
  EXPECT_EQ(parsed("version: 1\nboot: {kernel: ./managed}\n", "m.yaml").boot.kernel.path, "managed");
  EXPECT_EQ(parsed("version: 1\nboot: {kernel: ./managed}\n", "m.yaml").boot.kernel.origin,
            ArtifactOrigin::custom_config);
}

TEST(MachineConfig, LoadNamesAMissingFile) {
  EXPECT_EQ(load_machine_config("/nonexistent/m.yaml").error().text,
            "/nonexistent/m.yaml: cannot open the file: No such file or directory");
}

} // namespace
} // namespace sporehost
