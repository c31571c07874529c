// Options and commands themselves.
#include <nlohmann/json.hpp>

#include "fixture.hpp"

namespace cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Misuse {
  const char* name;
  std::vector<std::string> arguments; // "FILE" stands for a sound machine description
  const char* message;
};

class CommandMisuse : public CliTest, public testing::WithParamInterface<Misuse> {};

TEST_P(CommandMisuse, IsNamed) {
  auto arguments = GetParam().arguments;
  for (std::string& argument : arguments)
    if (argument == "FILE") argument = machine("");
  const Output output = run({arguments, {{"SPOREHOST_MANAGED_DIR", managed_folder()}}});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), StartsWith(std::string("sporehost: ") + GetParam().message));
  EXPECT_EQ(output.out, "");
}

INSTANTIATE_TEST_SUITE_P(
    Words, CommandMisuse,
    testing::Values(
        Misuse{"UnknownOption", {"--hlep"}, "unknown option '--hlep' (did you mean '--help'?)\n"},
        Misuse{"UnknownOptionOfACommand",
               {"plan", "--cofnig", "x"},
               "unknown option '--cofnig' of 'sporehost plan' (did you mean '--config'?)\n"},
        Misuse{"OptionOfAnotherCommand",
               {"check", "--config", "FILE", "--json"},
               "unknown option '--json' of 'sporehost check'"},
        Misuse{"UnknownCommand",
               {"chek", "--config", "FILE"},
               "unknown command 'chek' (did you mean 'check'?); a workload's command goes behind --\n"},
        Misuse{"WorkloadWithoutDashes",
               {"--config", "FILE", "/bin/true"},
               "unknown command '/bin/true'; a workload's command goes behind --\n"},
        Misuse{
            "FileWithoutItsOption",
            {"machine.yaml"},
            "unknown command 'machine.yaml'; a machine description is given with --config machine.yaml; a workload's "
            "command goes behind --\n"},
        Misuse{"OptionGivenTwice",
               {"plan", "--config", "FILE", "--memory", "2GiB", "--memory", "4GiB"},
               "option '--memory' of 'sporehost plan' is given twice; give it once\n"},
        Misuse{"ConfigGivenTwice", {"--config=a", "--config=b"}, "option '--config' is given twice; give it once\n"},
        Misuse{"EmptyConfig", {"--config="}, "option '--config' wants a value: FILE\n"},
        Misuse{"EmptyValueBehindABlank",
               {"check", "--config", ""},
               "option '--config' of 'sporehost check' wants a value: FILE\n"},
        Misuse{"OptionForAValue",
               {"plan", "--memory", "--cpus", "2"},
               "option '--memory' of 'sporehost plan' wants a value: auto|SIZE\n"},
        Misuse{"NoValueAtTheEnd", {"--config", "FILE", "--memory"}, "option '--memory' wants a value\n"},
        Misuse{"NoValueBeforeTheWorkload",
               {"--config", "FILE", "--memory", "--", "/bin/true"},
               "option '--memory' wants a value\n"},
        Misuse{"ValueOfAFlag", {"--config", "FILE", "--json=yes"}, "option '--json' takes no value\n"},
        Misuse{"HalfAnOption", {"--con", "FILE"}, "option '--con' can be more than one; write it out\n"},
        Misuse{
            "HomeInAPath",
            {"plan", "--config", "FILE", "--kernel=~/vmlinux"},
            "--kernel: '~/vmlinux' begins with '~', which only a shell expands; write the whole path, or ./~ for that "
            "name"},
        Misuse{"NoConfig", {"check"}, "no machine description: give --config FILE (config/machine.yaml is an example)"},
        Misuse{"LogLevel",
               {"plan", "--config", "FILE", "--log", "debgu"},
               "--log: unknown level 'debgu' (did you mean 'debug'?); it is one of trace, debug, info, warn, error or "
               "off"},
        Misuse{"TooManyCpus",
               {"plan", "--config", "FILE", "--cpus", "65"},
               "--cpus: expected a whole number from 1 to 64, got '65'"},
        Misuse{"NoCpus",
               {"plan", "--config", "FILE", "--cpus", "0"},
               "--cpus: expected a whole number from 1 to 64, got '0'"},
        Misuse{"FractionOfMemory",
               {"plan", "--config", "FILE", "--memory", "1.5GiB"},
               "--memory: '1.5GiB' is not a size: fractions are not accepted; write a whole number of a smaller unit, "
               "such as 1536MiB"},
        Misuse{"MemoryThatOverflows",
               {"plan", "--config", "FILE", "--memory", "18446744073709551616"},
               "--memory: '18446744073709551616' is too large: it does not fit into 64 bits"},
        Misuse{"NoKernel",
               {"plan", "--config", "FILE", "--kernel", "none"},
               "--kernel: a machine needs a kernel; give managed or a path"},
        Misuse{"BackendThatIsNoId",
               {"plan", "--config", "FILE", "--backend", "../kvm"},
               "--backend: '../kvm' is not a plugin's id"},
        Misuse{"InspectWithoutAPlugin",
               {"plugin", "inspect"},
               "'sporehost plugin inspect' takes one plugin: an id such as virtio-mem, or the path of a file"}),
    [](const auto& test) { return std::string(test.param.name); });

using Commands = CliTest;

TEST_F(Commands, HelpHintFollowsAMisuse) {
  EXPECT_THAT(run({{"--hlep"}, {}}).err, HasSubstr("\nsporehost: --help shows what there is\n"));
}

// Told before anything is looked for, not when the guest has done its work.
TEST_F(Commands, ReportFileThatCannotBeWritten) {
  const Output output = run({{"--config", machine("log: {level: error}\n"), "--report-file", path("none/report.json")},
                             {{"SPOREHOST_MANAGED_DIR", path("no-such-folder")}}});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_EQ(output.message(),
            "sporehost: --report-file: '" + path("none/report.json") +
                "' cannot be written: No such file or directory; name a file in a folder that is there");
}

TEST_F(Commands, Version) {
  const Output output = run({{"--version"}, {}});
  EXPECT_EQ(output.status, 0);
  EXPECT_EQ(output.out, "sporehost " SPOREHOST_VERSION " (plugin interface 1.0)\n");
}

TEST_F(Commands, HelpNamesEveryCommandStatusAndVariable) {
  const Output output = run({{"--help"}, {}});
  EXPECT_EQ(output.status, 0);
  EXPECT_EQ(output.err, "");
  for (const char* word : {"usage: sporehost --config FILE", "--memory", "--kernel", "--report-file", "check", "plan",
                           "plugin list", "plugin inspect", "plugin check", "backend probe", "kernel resolve", "schema",
                           "exit status:", "125 nothing was run", "SPOREVM_KERNEL_IMAGE", "SPOREHOST_PLUGIN_PATH"})
    EXPECT_THAT(output.out, HasSubstr(word));
}

TEST_F(Commands, HelpOfACommandShowsItsOptionsAlone) {
  const Output output = run({{"plugin", "list", "--help"}, {}});
  EXPECT_EQ(output.status, 0);
  EXPECT_THAT(output.out, StartsWith("usage: sporehost plugin list"));
  EXPECT_THAT(output.out, HasSubstr("--plugin-path"));
  EXPECT_THAT(output.out, testing::Not(HasSubstr("--memory")));
}

// Draft-07 by its own words, closed, and with the options of the plugins that are here.
TEST_F(Commands, SchemaIsJsonAndKnowsThePlugins) {
  const Output output = run({{"schema"}, {}});
  ASSERT_EQ(output.status, 0) << output.err;
  const auto schema = nlohmann::json::parse(output.out, nullptr, false);
  ASSERT_TRUE(schema.is_object());
  EXPECT_THAT(schema.value("$schema", ""), HasSubstr("json-schema.org/draft-07"));
  EXPECT_EQ(schema.value("type", ""), "object");
  EXPECT_EQ(schema.value("additionalProperties", true), false);
  for (const char* key : {"version", "memory", "devices", "backend", "boot", "cpus", "workload"})
    EXPECT_TRUE(schema["properties"].contains(key)) << key;
  for (const char* word : {"virtio-mem", "memory-policy-auto", "unplugged-inaccessible"})
    EXPECT_THAT(output.out, HasSubstr(word));
}

TEST_F(Commands, SchemaTakesInAStrangersPlugin) {
  const Output output = run({{"schema", "--plugin-path", plugin_folder("good")}, {}});
  ASSERT_EQ(output.status, 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr("good-port"));
}

} // namespace
} // namespace cli
