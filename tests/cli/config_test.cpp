// Machine descriptions with one mistake each: what, where, what to do.
#include "fixture.hpp"

namespace cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Mistake {
  const char* name;
  const char* text;    // lines 3 and on of the file
  const char* message; // behind "sporehost: FILE"
};

class ConfigMistake : public CliTest, public testing::WithParamInterface<Mistake> {};

TEST_P(ConfigMistake, IsNamedWithItsPlace) {
  const Output output = check(GetParam().text);
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_EQ(output.message(), "sporehost: " + path("m.yaml") + GetParam().message);
  EXPECT_EQ(output.out, "");
}

INSTANTIATE_TEST_SUITE_P(
    Files, ConfigMistake,
    testing::Values(
        Mistake{"UnknownKey", "memry: auto\n", ":3:1: unknown key 'memry' (did you mean 'memory'?)"},
        Mistake{"UnknownNestedKey", "lifecycle:\n  stop-grave: 1s\n",
                ":4:3: unknown key 'stop-grave' in 'lifecycle' (did you mean 'stop-grace'?)"},
        Mistake{"WrongType", "cpus: many\n", ":3:7: 'cpus': expected a whole number from 1 to 64, got 'many'"},
        Mistake{"NumberInQuotes", "cpus: \"2\"\n",
                ":3:7: 'cpus': expected a whole number from 1 to 64, got the text '2'; write it without quotes"},
        Mistake{"TruthInQuotes", "kernel: {offline: 'true'}\n",
                ":3:19: 'kernel.offline': expected true or false, got the text 'true'; write it without quotes"},
        Mistake{"DurationWithoutAUnit", "lifecycle: {stop-grace: 5}\n",
                ":3:25: 'lifecycle.stop-grace': '5' is not a duration: the unit is missing; write 5s for seconds or "
                "5ms for "
                "milliseconds"},
        Mistake{"CommandLineOfTwoLines", "boot: {cmdline: \"a\\rb\"}\n",
                ":3:17: 'boot.cmdline': the kernel command line is one line; use '>-' to fold several"},
        Mistake{
            "HomeInAPath", "boot: {kernel: ~/vmlinux}\n",
            ":3:16: 'boot.kernel': '~/vmlinux' begins with '~', which only a shell expands; write the whole path, or "
            "./~ for that name"},
        Mistake{
            "TooLittleMemory", "memory: 1MiB\n",
            ":3:9: boot memory of 1048576 bytes is too small; the board needs 2 MiB for its tables, a Linux kernel far "
            "more"},
        Mistake{
            "MoreMemoryThanAddresses", "memory: {size: 8192TiB}\n",
            ":3:16: 8589934592 MiB of boot memory do not fit into the 52-bit guest-physical addresses of this machine; "
            "use less"},
        Mistake{"WrongTypeOfACollection", "devices: virtio-mem\n",
                ":3:10: 'devices': expected a list of devices (write [] for none), got 'virtio-mem'"},
        Mistake{"WrongTypeWhereTextIsDue", "memory: [1, 2]\n",
                ":3:9: 'memory': expected auto or a size such as 512MiB, got a list"},
        Mistake{"SizeThatOverflows", "memory: 17592186044416TiB\n",
                ":3:9: 'memory': '17592186044416TiB' is too large: it does not fit into 64 bits"},
        Mistake{"NumberThatOverflows", "memory: 99999999999999999999999\n",
                ":3:9: 'memory': '99999999999999999999999' is too large: it does not fit into 64 bits"},
        Mistake{"DecimalUnit", "memory: 16GB\n",
                ":3:9: 'memory': '16GB' is not a size: unit 'GB' is not accepted; write 16GiB"},
        Mistake{"NoMemory", "memory: 0\n",
                ":3:9: 'memory': a machine needs memory; write auto or a size such as 512MiB"},
        Mistake{"DuplicateKey", "cpus: 1\ncpus: 2\n", ":4:1: the key 'cpus' is there twice; the first is in line 3"},
        Mistake{"TwoDevicesOfOneName",
                "devices:\n  - {plugin: virtio-rng, name: a}\n  - {plugin: virtio-rng, name: a}\n",
                ":5:5: 'devices': two devices have the name 'a'; rename one"},
        Mistake{"AWorkloadThatNoDeviceCarries", "devices: [virtio-rng, serial]\n",
                ":3:10: 'devices' has no virtio-console, which carries the workload to the guest; add it, or leave the "
                "workload out"},
        Mistake{"UnknownOptionOfAPlugin", "devices: [{plugin: virtio-mem, options: {node_id: 3}}]\n",
                ":3:42: options of virtio-mem, /node_id: unknown option 'node_id' (did you mean 'node-id'?)"},
        Mistake{"WrongTypeOfAnOption", "devices: [{plugin: virtio-mem, options: {node-id: three}}]\n",
                ":3:51: options of virtio-mem, /node-id: expected a whole number, got 'three'"},
        Mistake{"SizeOptionThatOverflows",
                "memory: {policy: {plugin: memory-policy-auto, options: {maximum: 99999999999TiB}}}\n",
                ":3:66: options of memory-policy-auto, /maximum: '99999999999TiB' is too large: it does not fit into "
                "64 bits"}),
    [](const auto& test) { return std::string(test.param.name); });

using ConfigFile = CliTest;

// Found before the guest boots, laid at the door of the words that are too many, and said once.
TEST_F(ConfigFile, WorkloadLargerThanTheAgentTakes) {
  const std::string large(40000, 'x');
  const std::string text = "version: 1\nworkload:\n  argv: [/bin/echo, " + large + ", " + large + "]\n";
  const std::string file = write("m.yaml", text);
  const std::string told =
      ":3:9: workload: arguments and environment take 80026 bytes together; the guest's agent takes "
      "65536; put the data into a file";
  for (const std::vector<std::string>& words : {std::vector<std::string>{"check"}, {"plan"}, {}}) {
    std::vector<std::string> arguments = words;
    arguments.insert(arguments.end(), {"--config", file});
    const Output output = run({arguments, {}});
    EXPECT_EQ(output.status, kNothingRun);
    EXPECT_EQ(output.err, "sporehost: " + file + told + "\n");
  }
  const std::string variables = "workload:\n  argv: [a]\n  env: {A: " + large + ", B: " + large + "}\n";
  EXPECT_THAT(run({{"check", "--config", write("e.yaml", "version: 1\n" + variables)}, {}}).message(),
              HasSubstr("e.yaml:4:8: workload: arguments and environment take"));
  EXPECT_THAT(run({{"check", "--config", machine(""), "--", "/bin/echo", large, large}, {}}).message(),
              StartsWith("sporehost: the command behind --: workload: arguments and environment take"));
}

TEST_F(ConfigFile, KernelCommandLineThatIsTooLong) {
  const Output output = check("boot: {cmdline: \"" + std::string(2040, 'x') + "\"}\n");
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), HasSubstr("m.yaml:3:17: 'boot.cmdline': with what every guest is told"));
  EXPECT_THAT(output.message(), HasSubstr("this kernel takes 2047; shorten it"));
}

TEST_F(ConfigFile, KernelOrInitrdThatIsNotThere) {
  EXPECT_EQ(check("boot: {kernel: none-here}\n").message(), "sporehost: " + path("m.yaml") + ":3:16: kernel '" +
                                                                path("none-here") +
                                                                "': no such file; check the path in the configuration");
  EXPECT_THAT(check("boot: {initrd: none-here}\n").message(), HasSubstr(":3:16: initrd '" + path("none-here") + "'"));
}

Call fed(std::vector<std::string> arguments, std::string input) {
  Call call{std::move(arguments), {}};
  call.input = std::move(input);
  return call;
}

TEST_F(ConfigFile, FromStandardInput) {
  const std::string text = "version: 1\nworkload: {argv: [/bin/true]}\n";
  const Output sound = run(fed({"check", "--config", "-"}, text));
  EXPECT_EQ(sound.status, 0) << sound.err;
  EXPECT_EQ(sound.out, "standard input: ok\n");
  EXPECT_EQ(run(fed({"check", "--config", "-"}, text + "cpus: many\n")).message(),
            "sporehost: standard input:3:7: 'cpus': expected a whole number from 1 to 64, got 'many'");
  // A run reads it once as well.
  EXPECT_THAT(run(fed({"--config", "-"}, "version: 1\n")).message(),
              StartsWith("sporehost: standard input: there is nothing to run"));
  // Its paths are relative to the working directory, which is / here.
  EXPECT_THAT(run(fed({"check", "--config", "-"}, text + "boot: {kernel: no-such-kernel}\n")).message(),
              HasSubstr("kernel 'no-such-kernel'"));
}

// JSON is YAML, also where its writer spells a character as a surrogate pair.
TEST_F(ConfigFile, OfJsonWithAnEmoji) {
  const std::string file =
      write("m.json", R"({"version": 1, "workload": {"argv": ["/bin/echo", "\ud83d\ude00"]}, "cpus": "2"})");
  EXPECT_THAT(run({{"check", "--config", file}, {}}).message(), HasSubstr("m.json:1:77: 'cpus'"));
}

// As for a system unit without User=: the managed folder is named, so nobody needs a cache.
TEST_F(ConfigFile, NeedsNoHome) {
  const std::map<std::string, std::string> nowhere = {
      {"HOME", ""}, {"XDG_CACHE_HOME", ""}, {"SPOREHOST_CACHE", ""}, {"SPOREHOST_MANAGED_DIR", managed_folder()}};
  const Output planned = run({{"plan", "--config", machine("")}, nowhere});
  EXPECT_EQ(planned.status, 0) << planned.err;
  auto without_folder = nowhere;
  without_folder["SPOREHOST_MANAGED_DIR"] = "";
  without_folder["SPOREHOST_KERNEL_SOURCES"] = "cache"; // what lies beside the program would do
  EXPECT_THAT(run({{"plan", "--config", machine("")}, without_folder}).message(),
              StartsWith("sporehost: no place for the cache: SPOREHOST_CACHE, XDG_CACHE_HOME and HOME are all unset"));
}

TEST_F(ConfigFile, EveryMistakeOfAFileIsToldAtOnce) {
  const Output output = check("memry: auto\ncpus: many\n");
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), HasSubstr(":3:1: unknown key 'memry'"));
  EXPECT_THAT(output.message(), HasSubstr(":4:7: 'cpus'"));
}

TEST_F(ConfigFile, WithoutAVersionIsRefused) {
  const Output output = run({{"check", "--config", write("m.yaml", "cpus: 1\n")}, {}});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), HasSubstr("the key 'version' is missing; begin the file with: version: 1"));
}

TEST_F(ConfigFile, ThatIsNotThere) {
  const Output output = run({{"check", "--config", path("none.yaml")}, {}});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_EQ(output.message(), "sporehost: " + path("none.yaml") + ": cannot open the file: No such file or directory");
}

TEST_F(ConfigFile, ThatIsNoText) {
  const Output output = run({{"check", "--config", SPOREHOST_PROGRAM}, {}});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), StartsWith("sporehost: " SPOREHOST_PROGRAM ":"));
}

TEST_F(ConfigFile, SoundIsOk) {
  const Output output = check("memory: auto\ncpus: 2\n");
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_EQ(output.out, path("m.yaml") + ": ok\n");
  EXPECT_EQ(output.err, "");
}

TEST_F(ConfigFile, WithNothingToRunIsSaidBeforeAnythingIsLookedFor) {
  const Output output = run({{"--config", write("m.yaml", "version: 1\n")}, {}});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_EQ(output.message(), "sporehost: " + path("m.yaml") +
                                  ": there is nothing to run; add workload: {argv: [\"/bin/true\"]}, or give a command "
                                  "after -- on the command line");
}

} // namespace
} // namespace cli
