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
