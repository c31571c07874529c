#include "core/app/options.hpp"

#include <gtest/gtest.h>

namespace sporehost::app {
namespace {

const std::vector<Command> commands = {
    {"", "--config FILE", "Runs", {"config", "memory", "json", "plugin-path", "help"}, nullptr},
    {"plan", "--config FILE", "Plans", {"config"}, nullptr},
    {"plugin list", "", "Lists", {"json"}, nullptr},
    {"plugin inspect", "ID", "Inspects", {"json"}, nullptr},
};

TEST(Options, BothSpellingsOfAValueAndTheWorkloadBehindTwoDashes) {
  const auto a =
      parse_arguments({"--config", "m.yaml", "--memory=2GiB", "-j", "--", "/bin/sh", "-c", "--json"}, commands);
  ASSERT_TRUE(a.ok()) << a.error().text;
  EXPECT_EQ(a->value("config"), "m.yaml");
  EXPECT_EQ(a->value("memory"), "2GiB");
  EXPECT_TRUE(a->has("json"));
  EXPECT_EQ(a->workload, (std::vector<std::string>{"/bin/sh", "-c", "--json"}));
}

TEST(Options, LettersTakeTheirValueWithAndWithoutABlank) {
  const auto a = parse_arguments({"-cm.yaml", "-m", "2GiB"}, commands);
  ASSERT_TRUE(a.ok()) << a.error().text;
  EXPECT_EQ(a->value("config"), "m.yaml");
  EXPECT_EQ(a->value("memory"), "2GiB");
}

TEST(Options, ABeginningThatFitsOneNameIsThatOption) {
  const auto a = parse_arguments({"--conf", "m.yaml", "--mem=2GiB", "--config-of=x"}, commands);
  EXPECT_EQ(a.error().text, "unknown option '--config-of' (did you mean '--config'?)");
  const auto b = parse_arguments({"--conf", "m.yaml", "--mem=a=b"}, commands);
  ASSERT_TRUE(b.ok()) << b.error().text;
  EXPECT_EQ(b->value("config"), "m.yaml");
  EXPECT_EQ(b->value("memory"), "a=b");
}

TEST(Options, TheLongestCommandWins) {
  const auto a = parse_arguments({"plugin", "inspect", "virtio-mem"}, commands);
  ASSERT_TRUE(a.ok());
  EXPECT_STREQ(a->command->name, "plugin inspect");
  EXPECT_EQ(a->rest, (std::vector<std::string>{"virtio-mem"}));
}

TEST(Options, RepeatableOptionsKeepTheirOrder) {
  const auto a = parse_arguments({"--plugin-path", "a", "--plugin-path=b"}, commands);
  ASSERT_TRUE(a.ok()) << a.error().text;
  EXPECT_EQ(a->values("plugin-path"), (std::vector<std::string>{"a", "b"}));
}

TEST(Options, ErrorsNameTheWordAndWhatIsNear) {
  const auto text = [](const std::vector<std::string>& words) {
    const auto a = parse_arguments(words, commands);
    return a.ok() ? std::string("accepted") : a.error().text;
  };
  EXPECT_EQ(text({"--confg", "x"}), "unknown option '--confg' (did you mean '--config'?)");
  EXPECT_EQ(text({"plan", "--json"}), "unknown option '--json' of 'sporehost plan'");
  EXPECT_EQ(text({"plam"}), "unknown command 'plam' (did you mean 'plan'?); a workload's command goes behind --");
  EXPECT_EQ(text({"--config", "x", "plan"}),
            "the command comes before its options: sporehost plan ...; a workload's command goes behind --");
  EXPECT_EQ(text({"plugin", "list", "x"}), "'sporehost plugin list' takes no more words, and 'x' is one");
  EXPECT_EQ(text({"plugin"}), "'sporehost plugin' wants one more word: list or inspect");
  EXPECT_EQ(text({"--config"}), "option '--config' wants a value: FILE");
  EXPECT_EQ(text({"--config", "a", "-c", "b"}), "option '-c' is given twice; give it once");
  EXPECT_EQ(text({"-jx"}), "option '-j' takes no value");
  EXPECT_EQ(text({"-x"}), "unknown option '-x'");
  EXPECT_EQ(text({"plan", "--config", "a", "-j"}), "unknown option '-j' of 'sporehost plan'");
}

TEST(Options, HelpHasTheTextBesideOrBelowTheOption) {
  const std::string help = command_help(commands.front());
  EXPECT_NE(help.find("    -m, --memory auto|SIZE        guest memory"), std::string::npos) << help;
  EXPECT_NE(help.find("\n    -h, --help                    show this text\n"), std::string::npos) << help;
}

TEST(Options, HelpNamesEveryCommandAndOption) {
  const std::string help = general_help(commands);
  for (const char* word : {"--config", "--memory", "plugin inspect ID", "exit status", "SPOREVM_KERNEL_IMAGE", "125"})
    EXPECT_NE(help.find(word), std::string::npos) << word;
}

} // namespace
} // namespace sporehost::app
