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
  EXPECT_NE(text({"--config"}), "accepted");
  EXPECT_NE(text({"--config", "a", "--config", "b"}), "accepted");
}

TEST(Options, HelpNamesEveryCommandAndOption) {
  const std::string help = general_help(commands);
  for (const char* word : {"--config", "--memory", "plugin inspect ID", "exit status", "SPOREVM_KERNEL_IMAGE", "125"})
    EXPECT_NE(help.find(word), std::string::npos) << word;
}

} // namespace
} // namespace sporehost::app
