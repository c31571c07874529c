// Plugins that are missing, of the wrong kind or broken; and what `plugin list`, `inspect` and `check` say.
#include <elf.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "fixture.hpp"

namespace cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using PluginTest = CliTest;

TEST_F(PluginTest, MissingIsSuggestedAndTheFoldersAreNamed) {
  const Output output = check("devices: [virtio-rgn]\n");
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(),
              StartsWith("sporehost: " + path("m.yaml") +
                         ":3:11: no plugin offers a virtio-device or an io-device 'virtio-rgn' (did you mean "
                         "'virtio-rng'?)" +
                         searched()));
  EXPECT_THAT(output.message(), HasSubstr(SPOREHOST_PLUGIN_DIR " (beside the executable)"));
}

TEST_F(PluginTest, MissingIoDeviceIsSuggestedToo) {
  const Output output = check("devices: [serial-16505]\n");
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), HasSubstr("'serial-16505' (did you mean 'serial-16550'?)"));
}

TEST_F(PluginTest, MissingPolicyIsSuggested) {
  const Output output = check("memory: {policy: memory-policy-atuo}\n");
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), HasSubstr(":3:18: no plugin offers a memory-policy 'memory-policy-atuo' (did you mean "
                                          "'memory-policy-auto'?)"));
}

struct WrongKind {
  const char* name;
  const char* text;
  const char* message;
};
class WrongKindTest : public CliTest, public testing::WithParamInterface<WrongKind> {};

TEST_P(WrongKindTest, IsSaid) {
  const Output output = check(GetParam().text);
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), StartsWith("sporehost: " + path("m.yaml") + GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, WrongKindTest,
    testing::Values(WrongKind{"BackendAsDevice", "devices: [kvm]\n",
                              ":3:11: 'kvm' is a backend, not a virtio-device or an io-device"},
                    WrongKind{"DeviceAsBackend", "backend: virtio-mem\n",
                              ":3:10: 'virtio-mem' is a virtio-device, not a backend; there is kvm"},
                    WrongKind{"DeviceAsPolicy", "memory: {policy: virtio-rng}\n",
                              ":3:18: 'virtio-rng' is a virtio-device, not a memory-policy; there is "
                              "memory-policy-auto or memory-policy-fixed"},
                    WrongKind{"PolicyAsBackend", "backend: memory-policy-fixed\n",
                              ":3:10: 'memory-policy-fixed' is a memory-policy, not a backend; there is kvm"}),
    [](const auto& test) { return std::string(test.param.name); });

struct Broken {
  const char* fixture;
  const char* state;  // as `plugin list` names it
  const char* reason; // as `plugin check` says it
  int rule;           // of SDK-nn, 0: none
};

class BrokenPlugin : public CliTest, public testing::WithParamInterface<Broken> {
 protected:
  const Broken& broken_ = GetParam();
  const std::string folder_ = plugin_folder(broken_.fixture);
  const std::string file_ = folder_ + "/" + broken_.fixture + ".so";
};

TEST_P(BrokenPlugin, IsNamedWhereItIsNeeded) {
  const Output output = check(std::string("memory: {policy: ") + broken_.fixture + "}\n", folder_);
  EXPECT_EQ(output.status, kNothingRun);
  const std::string rule = broken_.rule == 0 ? "" : " (SDK-" + std::to_string(broken_.rule) + ")";
  EXPECT_THAT(output.message(), AllOf(StartsWith("sporehost: " + path("m.yaml") +
                                                 ":3:18: no plugin offers a memory-policy '" + broken_.fixture + "'"),
                                      HasSubstr(searched(folder_)),
                                      testing::EndsWith("; cannot be used: " + file_ + " " + broken_.reason + rule)));
}

TEST_P(BrokenPlugin, IsRefusedByCheckAndListedWithItsReason) {
  const Output checked = run({{"plugin", "check", file_}, {}});
  EXPECT_EQ(checked.status, kNothingRun);
  const std::string rule = broken_.rule == 0 ? "" : " (SDK-" + std::to_string(broken_.rule) + ")";
  EXPECT_EQ(checked.message(), "sporehost: plugin '" + file_ + "': " + broken_.reason + rule);

  const Output listed = run({{"plugin", "list", "--json", "--plugin-path", folder_}, {}});
  ASSERT_EQ(listed.status, 0) << listed.err;
  const auto json = nlohmann::json::parse(listed.out, nullptr, false);
  const auto& plugins = json["plugins"];
  const auto found =
      std::find_if(plugins.begin(), plugins.end(), [&](const auto& one) { return one["path"] == file_; });
  ASSERT_NE(found, plugins.end());
  EXPECT_EQ((*found)["state"], broken_.state);
  EXPECT_EQ((*found)["reason"], broken_.reason);
}

// One bad plugin never takes down the ones beside it.
TEST_P(BrokenPlugin, HindersNoOther) {
  const Output output = check("devices: [virtio-mem, virtio-console]\n", folder_);
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_EQ(output.err, "");
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, BrokenPlugin,
    testing::Values(
        Broken{"wrong-magic", "wrong-magic", "what its entry returns is not a sporehost descriptor: the magic is wrong",
               2},
        Broken{"wrong-major", "abi-major",
               "is built against SDK 2.0, this host speaks 1.0; rebuild it with this host's SDK", 3},
        Broken{"wrong-arch", "wrong-architecture", "its descriptor says it is built for arm64, this host is x86-64", 3},
        Broken{"no-entry", "no-entry", "does not export sporehost_plugin_entry; is it a sporehost plugin?", 1},
        Broken{"entry-throws", "entry-failed", "sporehost_plugin_entry threw an exception", 7}),
    [](const auto& test) {
      std::string name = test.param.fixture;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST_F(PluginTest, BuiltForAnotherMachineIsRefusedBeforeTheLinkerSeesIt) {
  const std::string file = plugin_folder("good") + "/good.so";
  const uint16_t machine = EM_AARCH64;
  std::fstream patched(file, std::ios::in | std::ios::out | std::ios::binary);
  patched.seekp(offsetof(Elf64_Ehdr, e_machine));
  patched.write(reinterpret_cast<const char*>(&machine), sizeof machine);
  patched.close();
  const Output output = run({{"plugin", "check", file}, {}});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_EQ(output.message(), "sporehost: plugin '" + file +
                                  "': is built for arm64, this host is x86-64; build it for this machine (SDK-3)");
}

TEST_F(PluginTest, TextFileNamedSo) {
  const std::string file = write("plugins/text.so", std::string(100, 'x') + "\nthis is no library\n");
  const Output output = check("memory: {policy: text}\n", path("plugins"));
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), testing::EndsWith("; cannot be used: " + file +
                                                  " is not a shared object: it does not begin with the ELF magic"));
}

TEST_F(PluginTest, TruncatedFile) {
  const std::string file = plugin_folder("good") + "/good.so";
  std::filesystem::resize_file(file, 2000);
  const Output output = run({{"plugin", "check", file}, {}});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), AllOf(StartsWith("sporehost: plugin '" + file + "': is cut short: it has 2000 bytes"),
                                      testing::EndsWith("; copy it again")));
}

TEST_F(PluginTest, ExceptionOutOfCreate) {
  const std::string folder = plugin_folder("throws");
  const Output output = check("memory: {policy: throws}\n", folder);
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), testing::EndsWith("plugin '" + folder +
                                                  "/throws.so' (id 'throws'): create of memory-policy 'throws' let an "
                                                  "exception out (SDK-7)"));
}

TEST_F(PluginTest, CreateThatFailsGivesItsOwnWordsOnOneLine) {
  const std::string folder = plugin_folder("failing");
  const Output output = check("memory: {policy: failing}\n", folder);
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), HasSubstr("plugin '" + folder + "/failing.so' (id 'failing'): no luck today "));
  EXPECT_THAT(output.message(), Not(HasSubstr("\n")));
}

TEST_F(PluginTest, ListShowsEveryKind) {
  const Output output = run({{"plugin", "list", "--json"}, {}});
  ASSERT_EQ(output.status, 0) << output.err;
  const auto json = nlohmann::json::parse(output.out, nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["abi"], "1.0");
  std::map<std::string, std::string> kinds;
  for (const auto& plugin : json["plugins"]) {
    EXPECT_EQ(plugin["state"], "loaded") << plugin.dump();
    for (const auto& factory : plugin["factories"]) kinds[factory["id"]] = factory["kind"];
  }
  EXPECT_EQ(kinds["kvm"], "backend");
  EXPECT_EQ(kinds["virtio-mem"], "virtio-device");
  EXPECT_EQ(kinds["serial-16550"], "io-device");
  EXPECT_EQ(kinds["memory-policy-auto"], "memory-policy");
}

// --plugin-path comes first: a file of the same name there is the one that is used.
TEST_F(PluginTest, TheFirstFolderWins) {
  std::filesystem::create_directories(path("first"));
  std::filesystem::copy_file(SPOREHOST_PLUGIN_DIR "/virtio-rng.so", path("first/virtio-rng.so"));
  const Output output = run({{"plugin", "list", "--plugin-path", path("first")}, {}});
  ASSERT_EQ(output.status, 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr("(not used: taken from " + path("first/virtio-rng.so") + ")"));
}

TEST_F(PluginTest, InspectByIdShowsTheOptions) {
  const Output output = run({{"plugin", "inspect", "virtio-mem"}, {}});
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_THAT(output.out,
              AllOf(HasSubstr("file:    " SPOREHOST_PLUGIN_DIR "/virtio-mem.so\n"), HasSubstr("ABI:     1.0, x86-64\n"),
                    HasSubstr("\nvirtio-device: virtio-mem\n"), HasSubstr("\"node-id\"")));
}

TEST_F(PluginTest, InspectByPathAsJson) {
  const std::string file = plugin_folder("good") + "/good.so";
  const Output output = run({{"plugin", "inspect", "--json", file}, {}});
  EXPECT_EQ(output.status, 0) << output.err;
  const auto json = nlohmann::json::parse(output.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << output.out;
  EXPECT_EQ(json["id"], "good");
  EXPECT_EQ(json["version"], "1.2.3");
  EXPECT_EQ(json["factories"].size(), 2u);
}

TEST_F(PluginTest, InspectOfAnUnknownId) {
  const Output output = run({{"plugin", "inspect", "virtio-ram"}, {}});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(),
              StartsWith("sporehost: no plugin 'virtio-ram' (did you mean 'virtio-mem'?)" + searched()));
}

TEST_F(PluginTest, CheckOfASoundOne) {
  const std::string file = plugin_folder("good") + "/good.so";
  const Output output = run({{"plugin", "check", file}, {}});
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_EQ(output.out, file + ": ok\n");
}

} // namespace
} // namespace cli
